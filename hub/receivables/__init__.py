"""Receivables: trade documents, confirmed receivables and the certificates issued over them."""
