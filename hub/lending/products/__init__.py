"""Product definitions (JSON), and how they are read."""
