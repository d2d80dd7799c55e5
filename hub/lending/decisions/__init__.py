"""Decision tables (JSON), their versions, and the log of every decision."""
