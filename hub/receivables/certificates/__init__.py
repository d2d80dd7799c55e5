"""Receivable certificates: issued, accepted, split, passed on, proved."""
