"""The ledger's business side: records into the log, checkpoints, anchors, claims and receipts."""
