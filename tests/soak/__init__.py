"""Long campaigns. `python -m tests.soak` runs them at their full size; `make test` runs a small slice of each."""
