"""The three-way match: orders, goods receipts and invoices, less what was returned or credited."""
