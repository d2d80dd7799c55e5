"""Schema steps of tests.support.sample_domain."""
