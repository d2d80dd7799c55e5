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

_Point = tuple[int, int] | None


def nonce_point_is_odd(digest: bytes, r: int, s: int, public_key: tuple[int, int]) -> bool:
    """Whether the y of the nonce point of a *valid* signature is odd (``v`` = 28), else ``v`` = 27.

    Raises ``ValueError`` if the signature belongs to no point, which a valid one never does.
    """
    inverse = pow(s, -1, ORDER)
    base = _multiply(int.from_bytes(digest, "big") * inverse % ORDER, _GENERATOR)
    point = _add(base, _multiply(r * inverse % ORDER, public_key))
    if point is None or point[0] != r:
        raise ValueError("no nonce point with x below the order")
    return bool(point[1] & 1)


def _add(left: _Point, right: _Point) -> _Point:
    if left is None or right is None:
        return left or right
    if left[0] == right[0] and (left[1] + right[1]) % P == 0:
        return None
    if left == right:
        slope = 3 * left[0] * left[0] * pow(2 * left[1], -1, P)
    else:
        slope = (right[1] - left[1]) * pow(right[0] - left[0], -1, P)
    x = (slope * slope - left[0] - right[0]) % P
    return x, (slope * (left[0] - x) - left[1]) % P


def _multiply(scalar: int, point: _Point) -> _Point:
    result: _Point = None
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


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
    base = _multiply(-int.from_bytes(digest, "big") * inverse % ORDER, _GENERATOR)
    key = _add(base, _multiply(s * inverse % ORDER, nonce_point))
    if key is None:
        raise ValueError("no key")
    return key
