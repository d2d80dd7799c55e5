"""Interest that a day close books."""
