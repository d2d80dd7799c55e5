"""Schema steps of hub.lending."""
