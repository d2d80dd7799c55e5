"""Invoices and goods that stand behind another receivable already."""
