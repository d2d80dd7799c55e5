"""Utilities (水电燃气): paged JSON under an API key; bills can be paid."""
