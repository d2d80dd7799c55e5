"""Schema steps of hub.receivables."""
