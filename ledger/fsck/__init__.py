"""fsck of a log: rebuild everything from the records, compare it with what is stored and with the chain.

Knows no database: whoever holds the log implements `LogSource`.
"""

from ledger.fsck.check import check_log
from ledger.fsck.findings import Finding, Report
from ledger.fsck.source import LogSource, StoredAnchor, StoredCheckpoint, StoredCosignature, StoredHead, StoredLeaf
from ledger.fsck.witnesses import Witnesses

__all__ = [
    "Finding",
    "LogSource",
    "Report",
    "StoredAnchor",
    "StoredCheckpoint",
    "StoredCosignature",
    "StoredHead",
    "StoredLeaf",
    "Witnesses",
    "check_log",
]
