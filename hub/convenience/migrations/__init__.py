"""Schema steps of hub.convenience."""
