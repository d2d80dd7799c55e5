"""Schema steps of hub.exchange."""
