"""Schema steps of hub.notification."""
