"""Schema steps of the platform's own tables."""
