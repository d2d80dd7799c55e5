"""The convenience zone (便民专区): a person's own records for their own eyes, and what they pay to the public purse."""
