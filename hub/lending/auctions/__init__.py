"""Auctions of a certificate among funders."""
