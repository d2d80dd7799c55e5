"""Schema steps of hub.consent."""
