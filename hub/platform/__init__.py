"""What every hub domain stands on: database, outbox, idempotency, keys, callers and the gRPC edge."""
