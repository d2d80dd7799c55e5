"""The acceptance suite that every connector inherits. See `suite.py` and the kit's README."""
