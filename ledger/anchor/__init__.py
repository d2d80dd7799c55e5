"""Talking to any EVM chain: signing, sending the same bytes until they are final, reading the ledger contract."""
