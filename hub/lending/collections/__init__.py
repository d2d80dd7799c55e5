"""What is done about receivables that are overdue."""
