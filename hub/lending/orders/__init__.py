"""Loans on purchase orders, and what becomes of them on delivery."""
