"""Credit limits and the exposure under them."""
