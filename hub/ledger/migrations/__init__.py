"""Schema steps of hub.ledger."""
