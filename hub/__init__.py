"""The hub: consent, exchange, receivables, lending, books and the ledger's business side, in one process."""
