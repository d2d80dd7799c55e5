"""What a transaction did, as bytes in the journal (RLP) and back."""

from __future__ import annotations

import rlp

from ledger.embedded_chain.machine import Log, Outcome


def pack_outcome(outcome: Outcome) -> bytes:
    """Return an outcome's stored form."""
    logs = [[_raw(log.address), [_raw(topic) for topic in log.topics], log.data] for log in outcome.logs]
    created = _raw(outcome.created) if outcome.created else b""
    numbers = [outcome.gas_used, outcome.gas_refunded]
    packed: bytes = rlp.encode([outcome.output, *numbers, logs, created, outcome.failure.encode()])
    return packed


def unpack_outcome(packed: bytes) -> Outcome:
    """Return the outcome of a stored form."""
    output, used, refunded, logs, created, failure = rlp.decode(packed)
    return Outcome(
        output,
        int.from_bytes(used),
        int.from_bytes(refunded),
        tuple(Log(_text(address), tuple(map(_text, topics)), data) for address, topics, data in logs),
        _text(created) if created else None,
        failure.decode(),
    )


def _raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _text(raw: bytes) -> str:
    return "0x" + raw.hex()
