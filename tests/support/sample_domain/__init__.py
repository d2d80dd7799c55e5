"""A domain with a parent and a child table and a second schema step, to test migrating filled tables."""
