"""Schema steps of hub.accounting."""
