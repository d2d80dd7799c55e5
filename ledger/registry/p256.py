"""The group of RFC 9497's ciphersuite P256-SHA256: points of P-256, scalars, and hashing to both (RFC 9380).

Arithmetic on points is pycryptodome's (C, scalar multiplication blinded by a random seed); hashing to the curve and
arithmetic on scalars are Python's integers, whose time depends on their values. See docs/security.md.
"""

from __future__ import annotations

import hashlib

from Crypto.PublicKey.ECC import EccPoint

__all__ = [
    "ELEMENT_BYTES",
    "ORDER",
    "SCALAR_BYTES",
    "EccPoint",
    "base",
    "decode_element",
    "decode_scalar",
    "encode_element",
    "encode_scalar",
    "hash_to_element",
    "hash_to_scalar",
]

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ELEMENT_BYTES, SCALAR_BYTES = 33, 32

_P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
_A = _P - 3
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
# RFC 9380 section 8.2, P256_XMD:SHA-256_SSWU_RO_.
_Z = _P - 10
_FIELD_BYTES = 48
_GX = 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296
_GY = 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5


def base() -> EccPoint:
    """The generator."""
    return EccPoint(_GX, _GY, "P-256")


def encode_element(point: EccPoint) -> bytes:
    """Compressed SEC 1 form, 33 bytes. Raises ValueError for the point at infinity, which is no element."""
    if point.is_point_at_infinity():
        raise ValueError("the identity is no element")
    return bytes([2 + int(point.y) % 2]) + int(point.x).to_bytes(32)


def decode_element(data: bytes) -> EccPoint:
    """The element of a compressed form. Raises ValueError for anything that is not exactly one."""
    if len(data) != ELEMENT_BYTES or data[0] not in (2, 3):
        raise ValueError("an element is a compressed point of 33 bytes")
    x = int.from_bytes(data[1:])
    if x >= _P:
        raise ValueError("not a point of P-256")
    square = (x * x * x + _A * x + _B) % _P
    y = pow(square, (_P + 1) // 4, _P)
    if y * y % _P != square:
        raise ValueError("not a point of P-256")
    return EccPoint(x, y if y % 2 == data[0] % 2 else _P - y, "P-256")


def encode_scalar(value: int) -> bytes:
    """Big endian, 32 bytes."""
    return value.to_bytes(SCALAR_BYTES)


def decode_scalar(data: bytes) -> int:
    """The scalar of 32 bytes. Raises ValueError for another length and for a value not below the order."""
    value = int.from_bytes(data)
    if len(data) != SCALAR_BYTES or value >= ORDER:
        raise ValueError("a scalar has 32 bytes and is below the order")
    return value


def hash_to_element(message: bytes, dst: bytes) -> EccPoint:
    """hash_to_curve of RFC 9380 with P256_XMD:SHA-256_SSWU_RO_."""
    uniform = _expand(message, dst, 2 * _FIELD_BYTES)
    first, second = (int.from_bytes(uniform[at : at + _FIELD_BYTES]) % _P for at in (0, _FIELD_BYTES))
    return _map(first) + _map(second)


def hash_to_scalar(message: bytes, dst: bytes) -> int:
    """hash_to_field of RFC 9380 modulo the group's order, L = 48 (RFC 9497 section 4.3)."""
    return int.from_bytes(_expand(message, dst, _FIELD_BYTES)) % ORDER


def _expand(message: bytes, dst: bytes, length: int) -> bytes:
    """expand_message_xmd with SHA-256 (RFC 9380 section 5.3.1)."""
    if len(dst) > 255:
        raise ValueError("a domain separation tag has at most 255 bytes")
    suffix = dst + bytes([len(dst)])
    zero = hashlib.sha256(bytes(64) + message + length.to_bytes(2) + b"\0" + suffix).digest()
    block, blocks = bytes(32), []
    for number in range(1, -(-length // 32) + 1):
        mixed = bytes(left ^ right for left, right in zip(zero, block, strict=True))
        block = hashlib.sha256(mixed + bytes([number]) + suffix).digest()
        blocks.append(block)
    return b"".join(blocks)[:length]


def _map(u: int) -> EccPoint:
    """Simplified SWU (RFC 9380 section 6.6.2)."""
    t = _Z * u * u % _P
    scale = (t * t + t) % _P
    x = _B * pow(_Z * _A, -1, _P) % _P if scale == 0 else -_B * pow(_A, -1, _P) * (1 + pow(scale, -1, _P)) % _P
    square = (x * x * x + _A * x + _B) % _P
    y = pow(square, (_P + 1) // 4, _P)
    if y * y % _P != square:
        x = t * x % _P
        square = (x * x * x + _A * x + _B) % _P
        y = pow(square, (_P + 1) // 4, _P)
    return EccPoint(x, y if y % 2 == u % 2 else _P - y, "P-256")
