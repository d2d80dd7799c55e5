"""Formats that several trust domains must agree on byte for byte.

Everything that is hashed, signed or sealed between the hub, the connectors at the agencies' edge, the client and the
offline verifier is written here once: canonical JSON, consents, bindings, confirmations, receipts, and the one
catalogue of errors. Nothing here opens a socket or a database; clocks, randomness and ids are arguments.
"""
