"""Claims: locks on receivables that every bank on the chain sees."""
