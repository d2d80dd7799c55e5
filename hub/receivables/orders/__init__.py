"""Purchase orders as lending sees them."""
