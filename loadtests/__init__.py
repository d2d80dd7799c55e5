"""What one machine holds: locust scenarios per journey, and paired benchmarks."""
