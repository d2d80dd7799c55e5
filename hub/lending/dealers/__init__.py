"""Loans to dealers on their purchase history."""
