"""Schema steps of hub.supervision."""
