"""Loans that do not run their course."""
