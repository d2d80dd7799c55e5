"""Trust anchors: the keys that edges and verifiers pin, so that no hub has to be believed.

The file is JSON: ``identity_authority_keys`` (JWK set), ``enterprise_ca`` (PEM), ``hubs`` (each with ``origin``,
``signing_keys`` as JWK set, ``log_vkey`` in C2SP form and ``chain_address``), ``chain`` (``chain_id`` and
``contract``), ``rp_id`` and ``origin`` (WebAuthn).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from huilian_protocol.canonical import parse_json
from huilian_protocol.jose import jwks_to_keys
from huilian_protocol.strict import integer_at, list_at, matching_at, object_with, text_at

__all__ = ["ChainAnchor", "TrustAnchors", "TrustedHub"]

MAX_HUBS = 64
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TrustedHub:
    """A hub by what it signs with: countersignatures and receipts, its log's checkpoints, its transactions on the
    chain.
    """

    origin: str
    signing_keys: Mapping[str, ec.EllipticCurvePublicKey]
    log_vkey: str
    chain_address: str


@dataclass(frozen=True, slots=True)
class ChainAnchor:
    """The chain and the contract where roots and claims are kept."""

    chain_id: int
    contract: str


@dataclass(frozen=True, slots=True)
class TrustAnchors:
    """Everything that a connector or an offline verifier believes without asking anyone."""

    identity_authority_keys: Mapping[str, ec.EllipticCurvePublicKey]
    enterprise_ca: str
    hubs: tuple[TrustedHub, ...]
    chain: ChainAnchor
    rp_id: str
    origin: str

    @staticmethod
    def load(path: Path | str) -> TrustAnchors:
        """Read a trust file. Raises ``OSError`` if it cannot be read and ``ValueError`` if it is malformed."""
        return TrustAnchors.from_dict(parse_json(Path(path).read_bytes()))

    @staticmethod
    def from_dict(raw: Any) -> TrustAnchors:
        """Read the JSON form. Raises ``ValueError`` if it is malformed."""
        keys = ["chain", "enterprise_ca", "hubs", "identity_authority_keys", "origin", "rp_id"]
        value = object_with(raw, keys, "trust anchors")
        return TrustAnchors(
            identity_authority_keys=jwks_to_keys(value["identity_authority_keys"]),
            enterprise_ca=text_at(value, "enterprise_ca", most=65_536),
            hubs=tuple(_read_hub(item) for item in list_at(value, "hubs", MAX_HUBS)),
            chain=_read_chain(value["chain"]),
            rp_id=text_at(value, "rp_id"),
            origin=text_at(value, "origin"),
        )

    def hub_signing_keys(self) -> dict[str, ec.EllipticCurvePublicKey]:
        """The signing keys of all trusted hubs by ``kid``."""
        return {kid: key for hub in self.hubs for kid, key in hub.signing_keys.items()}

    def hub_of_key(self, kid: str) -> TrustedHub | None:
        """The hub that signs with the key ``kid``, if it is trusted."""
        return next((hub for hub in self.hubs if kid in hub.signing_keys), None)


def _read_hub(raw: Any) -> TrustedHub:
    value = object_with(raw, ["chain_address", "log_vkey", "origin", "signing_keys"], "hub")
    return TrustedHub(
        origin=text_at(value, "origin"),
        signing_keys=jwks_to_keys(value["signing_keys"]),
        log_vkey=text_at(value, "log_vkey", most=512),
        chain_address=matching_at(value, "chain_address", _ADDRESS),
    )


def _read_chain(raw: Any) -> ChainAnchor:
    value = object_with(raw, ["chain_id", "contract"], "chain")
    return ChainAnchor(integer_at(value, "chain_id", 1, 2**53 - 1), matching_at(value, "contract", _ADDRESS))
