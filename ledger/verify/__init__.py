"""Checking receipts and consents offline, against pinned keys only: no network, no hub.

Imports the log's proofs and the wire formats, nothing else of the project.
"""

from ledger.verify.files import verify_bytes, verify_file
from ledger.verify.verdict import Check, Verdict

__all__ = ["Check", "Verdict", "verify_bytes", "verify_file"]
