"""Lending: receivable financing, flash loans, limits, repayment and clearing at the due date."""
