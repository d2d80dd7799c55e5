"""Schema steps of hub.identity."""
