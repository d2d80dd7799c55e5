"""The recovery byte of a secp256k1 signature (Ethereum yellow paper, appendix F), checked with public values only.

``cryptography`` verifies ECDSA but says nothing of the nonce point's parity, which is what ``v`` states. Without this
check a signature would have two accepted spellings here and one on a chain. No secret passes through, so plain
integers do.
"""

from __future__ import annotations

__all__ = ["HALF_ORDER", "ORDER", "nonce_point_is_odd", "recover_public_key"]

P = 2**256 - 2**32 - 977
ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
HALF_ORDER = ORDER // 2
_GENERATOR = (
    0x79BE667E_F9DCBBAC_55A06295_CE870B07_029BFCDB_2DCE28D9_59F2815B_16F81798,
    0x483ADA77_26A3C465_5DA4FBFC_0E1108A8_FD17B448_A6855419_9C47D08F_FB10D4B8,
)

_Point = tuple[int, int]
_Jacobian = tuple[int, int, int]
_INFINITY: _Jacobian = (1, 1, 0)


def nonce_point_is_odd(digest: bytes, r: int, s: int, public_key: tuple[int, int]) -> bool:
    """Whether the y of the nonce point of a *valid* signature is odd (``v`` = 28), else ``v`` = 27.

    Raises ``ValueError`` if the signature belongs to no point, which a valid one never does.
    """
    inverse = pow(s, -1, ORDER)
    scalar = int.from_bytes(digest, "big") * inverse % ORDER
    point = _combine(scalar, _GENERATOR, r * inverse % ORDER, public_key)
    if point is None or point[0] != r:
        raise ValueError("no nonce point with x below the order")
    return bool(point[1] & 1)


def recover_public_key(digest: bytes, r: int, s: int, *, odd: bool) -> tuple[int, int]:
    """The public key under which ``r, s`` is a valid signature of ``digest`` with a nonce point of this parity.

    Raises ``ValueError`` if there is none.
    """
    if not 0 < r < ORDER or not 0 < s < ORDER:
        raise ValueError("r or s out of range")
    y_squared = (pow(r, 3, P) + 7) % P
    y = pow(y_squared, (P + 1) // 4, P)
    if y * y % P != y_squared:
        raise ValueError("r is no point's x")
    nonce_point = (r, y if bool(y & 1) == odd else P - y)
    inverse = pow(r, -1, ORDER)
    scalar = -int.from_bytes(digest, "big") * inverse % ORDER
    key = _combine(scalar, _GENERATOR, s * inverse % ORDER, nonce_point)
    if key is None:
        raise ValueError("no key")
    return key


def _combine(left_scalar: int, left: _Point, right_scalar: int, right: _Point) -> _Point | None:
    """``left_scalar * left + right_scalar * right``, both in one pass over the bits; None is the point at infinity."""
    choices = (None, left, right, _affine(_add((*left, 1), right)))
    result = _INFINITY
    for bit in range(max(left_scalar.bit_length(), right_scalar.bit_length()) - 1, -1, -1):
        result = _double(result)
        chosen = choices[(left_scalar >> bit & 1) | (right_scalar >> bit & 1) << 1]
        if chosen is not None:
            result = _add(result, chosen)
    return _affine(result)


def _double(point: _Jacobian) -> _Jacobian:
    x, y, z = point
    y2 = y * y % P
    s, m = 4 * x * y2 % P, 3 * x * x
    x3 = (m * m - 2 * s) % P
    return x3, (m * (s - x3) - 8 * y2 * y2) % P, 2 * y * z % P


def _add(point: _Jacobian, other: _Point) -> _Jacobian:
    x, y, z = point
    if z == 0:
        return (*other, 1)
    z2 = z * z % P
    h, r = (other[0] * z2 - x) % P, (other[1] * z2 * z - y) % P
    if h == 0:
        return _INFINITY if r else _double(point)
    h2 = h * h % P
    h3, v = h2 * h % P, x * h2 % P
    x3 = (r * r - h3 - 2 * v) % P
    return x3, (r * (v - x3) - y * h3) % P, z * h % P


def _affine(point: _Jacobian) -> _Point | None:
    x, y, z = point
    if z == 0:
        return None
    inverse = pow(z, -1, P)
    return x * inverse * inverse % P, y * inverse * inverse * inverse % P
