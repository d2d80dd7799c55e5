"""The raw transaction of an anchor, read strictly and without the chain client: who signed what for which chain.

Legacy form with replay protection (EIP-155) in RLP (Ethereum yellow paper, appendix B).
"""

from __future__ import annotations

from dataclasses import dataclass

from huilian_protocol.keccak import chain_address, keccak256
from huilian_protocol.recovery import HALF_ORDER, recover_public_key

from ledger.verify.verdict import CheckFailed, require

ANCHOR_SELECTOR = keccak256(b"anchor(bytes32,uint64)")[:4]
"""First bytes of a call that states a log's root."""

_FIELDS = 9


@dataclass(frozen=True, slots=True)
class AnchorTransaction:
    """What the transaction says, with the account that signed it."""

    hash: str
    chain_id: int
    contract: str
    sender: str
    root: bytes
    size: int


def read_anchor_transaction(raw: bytes) -> AnchorTransaction:
    """Parse and check a raw transaction. Raises `CheckFailed` when it is not a signed call of `anchor`."""
    fields = _decode_list(raw)
    require(len(fields) == _FIELDS, "the raw transaction is not a legacy transaction")
    to, data = fields[3], fields[5]
    v, r, s = (_number(field) for field in fields[6:])
    require(v >= 37, "the raw transaction has no replay protection (EIP-155)")
    require(s <= HALF_ORDER, "the signature of the raw transaction is not in its canonical form (EIP-2)")
    chain_id = (v - 35) // 2
    signed = _encode_list([*fields[:6], _bytes(chain_id), b"", b""])
    try:
        signer = recover_public_key(keccak256(signed), r, s, odd=bool((v - 35) % 2))
    except ValueError as error:
        raise CheckFailed(f"the signature of the raw transaction belongs to nobody: {error}") from None
    require(len(to) == 20, "the raw transaction calls no contract")
    require(len(data) == 68 and data[:4] == ANCHOR_SELECTOR, "the raw transaction is not a call of anchor")
    sender = "0x" + chain_address(signer).hex()
    root, size = data[4:36], int.from_bytes(data[36:])
    return AnchorTransaction("0x" + keccak256(raw).hex(), chain_id, "0x" + to.hex(), sender, root, size)


def _decode_list(raw: bytes) -> list[bytes]:
    """Decode one RLP list of byte strings that fills all of `raw`, accepting only the shortest encoding."""
    require(bool(raw) and raw[0] >= 0xC0, "the raw transaction is not a legacy transaction")
    start, end = _span(raw, 0, 0xC0)
    require(end == len(raw), "the raw transaction has missing or extra bytes")
    items: list[bytes] = []
    while start < end:
        require(raw[start] < 0xC0, "the raw transaction holds a nested list")
        if raw[start] < 0x80:
            items.append(raw[start : start + 1])
            start += 1
            continue
        first, start = _span(raw, start, 0x80)
        require(start <= end, "the raw transaction is cut off")
        items.append(raw[first:start])
    require(_encode_list(items) == raw, "the raw transaction is not in its canonical encoding")
    return items


def _span(raw: bytes, at: int, base: int) -> tuple[int, int]:
    """Return where the content of the item at `at` begins and ends."""
    size = raw[at] - base
    if size <= 55:
        return at + 1, at + 1 + size
    first = at + 1 + size - 55
    return first, first + int.from_bytes(raw[at + 1 : first])


def _encode_list(items: list[bytes]) -> bytes:
    content = b"".join(item if len(item) == 1 and item[0] < 0x80 else _prefixed(item, 0x80) for item in items)
    return _prefixed(content, 0xC0)


def _prefixed(content: bytes, base: int) -> bytes:
    if len(content) <= 55:
        return bytes([base + len(content)]) + content
    size = _bytes(len(content))
    return bytes([base + 55 + len(size)]) + size + content


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def _number(field: bytes) -> int:
    require(len(field) <= 32 and field[:1] != b"\0", "a number in the raw transaction is malformed")
    return int.from_bytes(field)
