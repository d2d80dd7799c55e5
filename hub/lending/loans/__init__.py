"""Loans after signing, of every product."""
