"""Consented reads of government data: the hub checks, counts, forwards and records; it cannot read what passes."""
