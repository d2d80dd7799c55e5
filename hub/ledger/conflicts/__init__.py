"""Conflicts: two banks that want one receivable learn of each other."""
