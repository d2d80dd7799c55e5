"""What core enterprises sold to dealers, and who lets the bank decide on it."""
