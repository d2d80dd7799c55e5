"""The raw transaction of an anchor, read strictly and without the chain client: who signed what for which chain.

Legacy form with replay protection (EIP-155) in RLP (Ethereum yellow paper, appendix B).
"""

from __future__ import annotations

from typing import NamedTuple

from huilian_protocol.keccak import chain_address, keccak256
from huilian_protocol.recovery import HALF_ORDER, recover_public_key

from ledger.verify.verdict import CheckFailed, require

ANCHOR_SELECTOR = keccak256(b"anchor(bytes32,uint64)")[:4]
"""First bytes of a call that states a log's root."""

_FIELDS, _STATED = 9, 6
_SHORT = 55
"""Longest content whose size stands in the first byte."""
_NOT_CANONICAL = "the raw transaction is not in its canonical encoding"


class AnchorTransaction(NamedTuple):
    """What the transaction says. Who signed it is a question of its own, which takes longest."""

    hash: str
    chain_id: int
    contract: str
    root: bytes
    size: int
    digest: bytes
    """What was signed."""
    signature: tuple[int, int, bool]
    """r, s, and whether the nonce point's y is odd."""

    def sender(self) -> str:
        """The account that signed. Raises `CheckFailed` when no key can have."""
        r, s, odd = self.signature
        try:
            return "0x" + chain_address(recover_public_key(self.digest, r, s, odd=odd)).hex()
        except ValueError as error:
            raise CheckFailed(f"the signature of the raw transaction belongs to nobody: {error}") from None


def read_anchor_transaction(raw: bytes) -> AnchorTransaction:
    """Parse a raw transaction. Raises `CheckFailed` when it is not a call of `anchor` with a signature of some form."""
    fields, stated = _decode_list(raw)
    to, data = fields[3], fields[5]
    v, r, s = [_number(field) for field in fields[_STATED:]]
    require(v >= 37, "the raw transaction has no replay protection (EIP-155)")
    require(s <= HALF_ORDER, "the signature of the raw transaction is not in its canonical form (EIP-2)")
    require(len(to) == 20, "the raw transaction calls no contract")
    require(len(data) == 68 and data[:4] == ANCHOR_SELECTOR, "the raw transaction is not a call of anchor")
    chain_id, odd = divmod(v - 35, 2)
    digest = keccak256(_prefixed(stated + _item(_bytes(chain_id)) + b"\x80\x80", 0xC0))
    return AnchorTransaction(
        hash="0x" + keccak256(raw).hex(),
        chain_id=chain_id,
        contract="0x" + to.hex(),
        root=data[4:36],
        size=int.from_bytes(data[36:]),
        digest=digest,
        signature=(r, s, bool(odd)),
    )


def _decode_list(raw: bytes) -> tuple[list[bytes], bytes]:
    """Decode the one RLP list of the transaction's byte strings that fills all of `raw`, in the shortest encoding only.

    Also returns the part of `raw` with the fields that the sender states (before v, r, s).
    """
    start = at = len(raw) - _content_size(raw)
    end, stated_end = len(raw), 0
    items: list[bytes] = []
    while at < end:
        if len(items) == _STATED:
            stated_end = at
        first, size = at, 1
        if (lead := raw[at]) >= 0x80:
            first, size = at + 1, lead - 0x80
            if size == 1 or size > _SHORT:
                first, size = _header(raw, at, 0x80)
        at = first + size
        items.append(raw[first:at])
    require(at == end, "the raw transaction is cut off")
    require(len(items) == _FIELDS, "the raw transaction is not a legacy transaction")
    return items, raw[start:stated_end]


def _content_size(raw: bytes) -> int:
    """Return how many bytes the list's content has, which end where `raw` ends."""
    require(bool(raw) and raw[0] >= 0xC0, "the raw transaction is not a legacy transaction")
    first, size = _header(raw, 0, 0xC0)
    require(first + size == len(raw), "the raw transaction has missing or extra bytes")
    return size


def _header(raw: bytes, at: int, base: int) -> tuple[int, int]:
    """Return where the content of the item at `at` begins and its size; `base` is 0x80 of a text, 0xc0 of a list."""
    size = raw[at] - base
    require(size < 0x40, "the raw transaction holds a nested list")
    first = at + 1
    if size > _SHORT:
        count = size - _SHORT
        first, size = first + count, int.from_bytes(raw[first : first + count])
        require(size > _SHORT and raw[at + 1] != 0, _NOT_CANONICAL)
    elif base == 0x80 and size == 1 and first < len(raw):
        require(raw[first] >= 0x80, _NOT_CANONICAL)
    return first, size


def _item(text: bytes) -> bytes:
    return text if len(text) == 1 and text[0] < 0x80 else _prefixed(text, 0x80)


def _prefixed(content: bytes, base: int) -> bytes:
    if len(content) <= _SHORT:
        return bytes([base + len(content)]) + content
    size = _bytes(len(content))
    return bytes([base + _SHORT + len(size)]) + size + content


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def _number(field: bytes) -> int:
    require(len(field) <= 32 and field[:1] != b"\0", "a number in the raw transaction is malformed")
    return int.from_bytes(field)
