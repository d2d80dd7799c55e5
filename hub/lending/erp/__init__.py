"""Payments posted in the buyers' own ERPs."""
