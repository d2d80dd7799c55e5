"""Signed transactions as bytes: legacy form with replay protection (EIP-155), which every EVM chain accepts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import coincurve
import rlp
from huilian_protocol.keccak import chain_address, keccak256

_CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_MAX_RAW_BYTES = 131_072
_LEGACY_FIELDS = 9


class InvalidTransaction(Exception):
    """The bytes are not a signed legacy transaction; the text says why."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """What is signed. `to` is 20 bytes, or empty to create a contract; prices and values are in wei."""

    chain_id: int
    nonce: int
    gas_price: int
    gas_limit: int
    to: bytes
    value: int
    data: bytes

    def signing_hash(self) -> bytes:
        """Return the hash that the sender signs (EIP-155)."""
        return keccak256(rlp.encode([*self._body(), self.chain_id, 0, 0]))

    def _body(self) -> list[int | bytes]:
        return [self.nonce, self.gas_price, self.gas_limit, self.to, self.value, self.data]

    def sign(self, key: coincurve.PrivateKey) -> bytes:
        """Return the raw signed transaction; the same key and content always give the same bytes (RFC 6979)."""
        signature = key.sign_recoverable(self.signing_hash(), hasher=None)
        r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64])
        raw: bytes = rlp.encode([*self._body(), self.chain_id * 2 + 35 + signature[64], r, s])
        return raw


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A transaction with its sender, as recovered from the signature."""

    transaction: Transaction
    raw: bytes
    sender: str
    v: int
    r: int
    s: int

    @property
    def hash(self) -> str:
        """The transaction hash, 0x-prefixed."""
        return "0x" + keccak256(self.raw).hex()


def address_of(key: coincurve.PrivateKey) -> str:
    """Return the account address of a key, 0x-prefixed lower case."""
    return "0x" + chain_address(key.public_key.format(compressed=False)[1:]).hex()


def contract_address(deployer: str, nonce: int) -> str:
    """Return the address of the contract that a deployer creates with this nonce."""
    return "0x" + keccak256(rlp.encode([bytes.fromhex(deployer[2:]), nonce]))[-20:].hex()


def decode(raw: bytes) -> SignedTransaction:
    """Parse a raw transaction and recover its sender. Raises `InvalidTransaction` with the reason."""
    fields = _fields(raw)
    numbers = [_number(field) for index, field in enumerate(fields) if index not in (3, 5)]
    nonce, gas_price, gas_limit, value, v, r, s = numbers
    if v < 37:
        raise InvalidTransaction("the transaction has no replay protection (EIP-155)")
    if len(fields[3]) not in (0, 20):
        raise InvalidTransaction("the recipient is not an address")
    transaction = Transaction((v - 35) // 2, nonce, gas_price, gas_limit, fields[3], value, fields[5])
    return SignedTransaction(transaction, raw, _recover(transaction, v, r, s), v, r, s)


def _fields(raw: bytes) -> list[bytes]:
    if len(raw) > _MAX_RAW_BYTES:
        raise InvalidTransaction("the transaction is too large")
    if raw[:1] < b"\xc0":
        raise InvalidTransaction("only legacy transactions are accepted")
    try:
        fields: Any = rlp.decode(raw)
    except rlp.exceptions.RLPException as error:
        raise InvalidTransaction(f"not RLP: {type(error).__name__}") from None
    if len(fields) != _LEGACY_FIELDS or not all(isinstance(field, bytes) for field in fields):
        raise InvalidTransaction("a legacy transaction has nine fields")
    return list(fields)


def _number(field: bytes) -> int:
    if len(field) > 32 or field[:1] == b"\0":
        raise InvalidTransaction("a number is not in its shortest form")
    return int.from_bytes(field)


def _recover(transaction: Transaction, v: int, r: int, s: int) -> str:
    # EIP-2: of the two valid s values only the lower counts, so that nobody else can change the hash.
    if not (0 < r < _CURVE_ORDER and 0 < s <= _CURVE_ORDER // 2):
        raise InvalidTransaction("the signature is out of range")
    signature = r.to_bytes(32) + s.to_bytes(32) + bytes([(v - 35) % 2])
    try:
        key = coincurve.PublicKey.from_signature_and_message(signature, transaction.signing_hash(), hasher=None)
    except Exception as error:
        raise InvalidTransaction("the signature belongs to no key") from error
    return "0x" + chain_address(key.format(compressed=False)[1:]).hex()
