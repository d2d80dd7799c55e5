"""Trust anchors: the keys that edges and verifiers pin, so that no hub has to be believed.

The file is JSON: ``identity_authority_keys`` (JWK set), ``enterprise_ca`` (PEM, several blocks while a CA changes its
root), ``hubs`` (each with ``origin``, ``signing_keys`` as JWK set, ``log_vkey`` in C2SP form and ``chain_address``),
``chain`` (``chain_id`` and ``contract``), ``rp_id`` and ``origin`` (WebAuthn).

More may stand in it; a file without them pins none of these keys. ``agencies``: by id, each with ``sealing_keys`` (a
list of ``suite`` and ``public_key``), to which persons' identities are sealed, and ``signing_keys`` (JWK set) of its
edge's answers. ``recipients``: by id, a JWK set of the root keys that sign the recipient's statements of its sealing
keys (``recipient_keys.py``); a consent to such a recipient must carry one. ``identity_authority_sealing_keys``: a list
of the form of an agency's, to which registrations are sealed.

What changes over the years may stand in it too, so that old receipts stay verifiable. ``chains_before``: earlier chains
and contracts, each in the form of ``chain``. In a hub, ``log_epochs``: every set of keys that signs or signed the log's
checkpoints, each with ``vkeys`` (all of which must sign, e.g. Ed25519 and ML-DSA-65) and ``until_size`` (null, or the
size beyond which a retired set signs nothing); ``chain_addresses_before``: its earlier accounts; ``chain_epochs``:
between which blocks an account signed for it, each with ``address``, ``from_block`` and ``until_block`` (null for the
present one; the first block in which it no longer counted); ``witnesses``: whose
cosignatures count (``vkeys``) and how many of them a verifier demands (``at_least``); ``witness_vkey``: the key by
which it cosigns the logs of others.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from huilian_protocol.canonical import parse_json
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import jwks_to_keys
from huilian_protocol.recipient_keys import Recipient, Stated, stated, verify_statement
from huilian_protocol.sealing import SealingKey
from huilian_protocol.stamp import Stamp, stamp_of
from huilian_protocol.strict import integer_at, list_at, matching_at, object_with, text_at

__all__ = [
    "ChainAnchor",
    "TrustAnchors",
    "TrustFile",
    "TrustedAgency",
    "TrustedChainEpoch",
    "TrustedEpoch",
    "TrustedHub",
    "TrustedWitnesses",
    "current",
]

logger = logging.getLogger(__name__)

MAX_HUBS, MAX_AGENCIES, MAX_KEYS = 64, 1_024, 16
MAX_EPOCHS, MAX_WITNESSES, MAX_VKEY_CHARS = 64, 64, 4_096
_AGENCY = re.compile(r"[a-z_]{3,64}", re.ASCII)
_PINNED_SINCE = frozenset({"agencies", "recipients", "identity_authority_sealing_keys", "chains_before"})
_HUB_SINCE = frozenset({"log_epochs", "chain_addresses_before", "chain_epochs", "witness_vkey", "witnesses"})
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_NONE: Mapping[str, Any] = {"chains_before": [], "log_epochs": [], "chain_addresses_before": [], "chain_epochs": []}


@dataclass(frozen=True, slots=True)
class TrustedEpoch:
    """Keys of a log (C2SP vkeys) that sign its checkpoints together; retired ones none beyond ``until_size``."""

    vkeys: tuple[str, ...]
    until_size: int | None = None


@dataclass(frozen=True, slots=True)
class TrustedWitnesses:
    """Whose cosignatures on a log's checkpoints count (C2SP vkeys), and how many of them a verifier demands."""

    at_least: int = 0
    vkeys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrustedChainEpoch:
    """An account of a hub on the chain and the blocks in which it signed; ``until_block`` is the first one after."""

    address: str
    from_block: int
    until_block: int | None


@dataclass(frozen=True, slots=True)
class TrustedHub:
    """A hub by what it signs with: countersignatures and receipts, its log's checkpoints, its transactions on the
    chain; and by who watches its log.
    """

    origin: str
    signing_keys: Mapping[str, ec.EllipticCurvePublicKey]
    log_vkey: str
    chain_address: str
    log_epochs: tuple[TrustedEpoch, ...] = ()
    chain_addresses_before: tuple[str, ...] = ()
    chain_epochs: tuple[TrustedChainEpoch, ...] = ()
    witnesses: TrustedWitnesses = TrustedWitnesses()
    witness_vkey: str = ""

    @property
    def epochs(self) -> tuple[TrustedEpoch, ...]:
        """All sets of keys of the log; of a hub that states none, its one key."""
        return self.log_epochs or (TrustedEpoch((self.log_vkey,)),)

    @property
    def log_name(self) -> str:
        """The name under which the log signs."""
        return self.log_vkey.partition("+")[0]

    def owned(self, address: str, block: int) -> bool:
        """Whether this was the hub's account on the chain in a block; where no epoch names it, whether it ever was."""
        spans = [epoch for epoch in self.chain_epochs if epoch.address.lower() == address.lower()]
        if spans:
            return any(
                one.from_block <= block and (one.until_block is None or block < one.until_block) for one in spans
            )
        return address.lower() in {known.lower() for known in (self.chain_address, *self.chain_addresses_before)}


@dataclass(frozen=True, slots=True)
class TrustedAgency:
    """An agency by the keys of its edge: what identities are sealed to, and what signs its answers (by ``kid``)."""

    sealing_keys: tuple[SealingKey, ...]
    signing_keys: Mapping[str, ec.EllipticCurvePublicKey]


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
    agencies: Mapping[str, TrustedAgency] = field(default_factory=dict)
    identity_authority_sealing_keys: tuple[SealingKey, ...] = ()
    chains_before: tuple[ChainAnchor, ...] = ()
    recipients: Mapping[str, Mapping[str, ec.EllipticCurvePublicKey]] = field(default_factory=dict)

    @staticmethod
    def load(path: Path | str) -> TrustAnchors:
        """Read a trust file. Raises ``OSError`` if it cannot be read and ``ValueError`` if it is malformed."""
        return TrustAnchors.from_dict(parse_json(Path(path).read_bytes()))

    @staticmethod
    def from_dict(raw: Any) -> TrustAnchors:
        """Read the JSON form. Raises ``ValueError`` if it is malformed."""
        keys = ["chain", "enterprise_ca", "hubs", "identity_authority_keys", "origin", "rp_id"]
        since = _PINNED_SINCE & set(raw) if isinstance(raw, dict) else frozenset()
        value = object_with(raw, [*keys, *since], "trust anchors")
        return TrustAnchors(
            identity_authority_keys=jwks_to_keys(value["identity_authority_keys"]),
            enterprise_ca=text_at(value, "enterprise_ca", most=65_536),
            hubs=tuple(_read_hub(item) for item in list_at(value, "hubs", MAX_HUBS)),
            chain=_read_chain(value["chain"]),
            rp_id=text_at(value, "rp_id"),
            origin=text_at(value, "origin"),
            agencies=_read_agencies(value.get("agencies", {})),
            identity_authority_sealing_keys=_read_sealing_keys(value.get("identity_authority_sealing_keys", [])),
            recipients=_read_recipients(value.get("recipients", {})),
            chains_before=tuple(_read_chain(item) for item in list_at({**_NONE, **value}, "chains_before", MAX_EPOCHS)),
        )

    def knows_chain(self, chain_id: int, contract: str) -> bool:
        """Whether roots and claims are, or once were, kept in this contract on this chain."""
        wanted = (chain_id, contract.lower())
        return wanted in [(chain.chain_id, chain.contract.lower()) for chain in (self.chain, *self.chains_before)]

    def check_agency_key(self, agency: str, key: SealingKey) -> None:
        """Raises :class:`HuilianError` KEY_NOT_PINNED unless this agency seals with this key; where no agency at all
        is pinned, every key passes.
        """
        if self.agencies and (agency not in self.agencies or key not in self.agencies[agency].sealing_keys):
            raise HuilianError("KEY_NOT_PINNED", "not a pinned sealing key", party=agency)

    def check_agency_signing_key(self, agency: str, kid: str) -> None:
        """The same for the key that signs the answers of the agency's edge."""
        if self.agencies and (agency not in self.agencies or kid not in self.agencies[agency].signing_keys):
            raise HuilianError("KEY_NOT_PINNED", "not a pinned signing key", party=agency)

    def check_recipient(self, recipient: Recipient, at: datetime) -> None:
        """Raises :class:`HuilianError` RECIPIENT_KEY_MISMATCH unless a consent drawn up at ``at`` may name these keys:
        those that the recipient's pinned root states. A recipient without a pinned root may name any.
        """
        roots = self.recipients.get(recipient.id)
        if roots is None:
            return
        if not recipient.key_statement:
            raise HuilianError("RECIPIENT_KEY_MISMATCH", "without the statement of the recipient's keys")
        verify_statement(recipient.key_statement, roots, recipient.id, at)

    def stated(self, recipient: Recipient) -> Stated | None:
        """Which statement a recipient that passed ``check_recipient`` carries; None where no root is pinned for it."""
        return stated(recipient.key_statement) if recipient.id in self.recipients else None

    def check_authority_key(self, key: SealingKey) -> None:
        """The same for the key to which registrations are sealed."""
        pinned = self.identity_authority_sealing_keys
        if pinned and key not in pinned:
            raise HuilianError("KEY_NOT_PINNED", "not a pinned sealing key", party="identity_authority")

    def hub_signing_keys(self) -> dict[str, ec.EllipticCurvePublicKey]:
        """The signing keys of all trusted hubs by ``kid``."""
        return {kid: key for hub in self.hubs for kid, key in hub.signing_keys.items()}

    def hub_of_key(self, kid: str) -> TrustedHub | None:
        """The hub that signs with the key ``kid``, if it is trusted."""
        return next((hub for hub in self.hubs if kid in hub.signing_keys), None)


def current(trust: TrustAnchors | Callable[[], TrustAnchors]) -> Callable[[], TrustAnchors]:
    """Trust anchors that may change, from some that may and from some that do not."""
    return trust if callable(trust) else lambda: trust


class TrustFile:
    """The trust anchors of a file that may be replaced while a process runs: a call gives them as they are now.

    ``accept`` may narrow or refuse (``ValueError``) what was read. A file that is wrong raises at the start; later it
    is logged and leaves the anchors that were in force, so that a slip of the pen neither stops an edge nor opens it.
    """

    def __init__(self, path: Path | str, accept: Callable[[TrustAnchors], TrustAnchors] = lambda read: read) -> None:
        self._path, self._name, self._accept = Path(path), str(path), accept
        self._stamp = self._look()
        self._anchors = accept(TrustAnchors.load(self._path))

    def __call__(self) -> TrustAnchors:
        """The anchors in force."""
        stamp = self._look()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._anchors = self._accept(TrustAnchors.load(self._path))
            except (OSError, ValueError) as error:
                logger.error("trust_anchors_not_renewed error=%s", type(error).__name__)
        return self._anchors

    def _look(self) -> Stamp | None:
        try:
            return stamp_of(self._name)
        except OSError:
            return None


def _read_hub(raw: Any) -> TrustedHub:
    since = _HUB_SINCE & set(raw) if isinstance(raw, dict) else frozenset()
    value = object_with(raw, ["chain_address", "log_vkey", "origin", "signing_keys", *since], "hub")
    hub = TrustedHub(
        origin=text_at(value, "origin"),
        signing_keys=jwks_to_keys(value["signing_keys"]),
        log_vkey=text_at(value, "log_vkey", most=512),
        chain_address=matching_at(value, "chain_address", _ADDRESS),
        log_epochs=tuple(_read_epoch(item) for item in list_at({**_NONE, **value}, "log_epochs", MAX_EPOCHS)),
        chain_addresses_before=_read_addresses({**_NONE, **value}),
        chain_epochs=tuple(_read_chain_epoch(item) for item in list_at({**_NONE, **value}, "chain_epochs", MAX_EPOCHS)),
        witnesses=_read_witnesses(value["witnesses"]) if "witnesses" in value else TrustedWitnesses(),
        witness_vkey=text_at(value, "witness_vkey", most=512) if "witness_vkey" in value else "",
    )
    if all(hub.log_vkey not in epoch.vkeys for epoch in hub.epochs):
        raise ValueError("log_vkey stands in none of the log_epochs")
    if any(vkey.partition("+")[0].partition("/")[0] == hub.origin for vkey in hub.witnesses.vkeys):
        raise ValueError("a hub is no witness of its own log")
    return hub


def _read_epoch(raw: Any) -> TrustedEpoch:
    value = object_with(raw, ["until_size", "vkeys"], "epoch")
    until = None if value["until_size"] is None else integer_at(value, "until_size", 0, 2**53 - 1)
    return TrustedEpoch(_read_vkeys(value, least=1), until)


def _read_chain_epoch(raw: Any) -> TrustedChainEpoch:
    value = object_with(raw, ["address", "from_block", "until_block"], "chain epoch")
    until = None if value["until_block"] is None else integer_at(value, "until_block", 0, 2**53 - 1)
    first = integer_at(value, "from_block", 0, 2**53 - 1)
    return TrustedChainEpoch(matching_at(value, "address", _ADDRESS), first, until)


def _read_witnesses(raw: Any) -> TrustedWitnesses:
    value = object_with(raw, ["at_least", "vkeys"], "witnesses")
    return TrustedWitnesses(integer_at(value, "at_least", 0, MAX_WITNESSES), _read_vkeys(value, least=0))


def _read_vkeys(value: dict[str, Any], least: int) -> tuple[str, ...]:
    items = list_at(value, "vkeys", MAX_WITNESSES, least)
    return tuple(text_at({"vkey": item}, "vkey", most=MAX_VKEY_CHARS) for item in items)


def _read_addresses(value: dict[str, Any]) -> tuple[str, ...]:
    items = list_at(value, "chain_addresses_before", MAX_EPOCHS)
    return tuple(matching_at({"address": item}, "address", _ADDRESS) for item in items)


def _read_agencies(raw: Any) -> dict[str, TrustedAgency]:
    if not isinstance(raw, dict) or len(raw) > MAX_AGENCIES:
        raise ValueError(f"agencies is no object with up to {MAX_AGENCIES} members")
    if not all(_AGENCY.fullmatch(name) for name in raw):
        raise ValueError("an agency's id is malformed")
    return {name: _read_agency(item) for name, item in raw.items()}


def _read_recipients(raw: Any) -> dict[str, Mapping[str, ec.EllipticCurvePublicKey]]:
    if not isinstance(raw, dict) or len(raw) > MAX_AGENCIES:
        raise ValueError(f"recipients is no object with up to {MAX_AGENCIES} members")
    return {name: jwks_to_keys(item) for name, item in raw.items()}


def _read_agency(raw: Any) -> TrustedAgency:
    value = object_with(raw, ["sealing_keys", "signing_keys"], "agency")
    return TrustedAgency(_read_sealing_keys(value["sealing_keys"]), jwks_to_keys(value["signing_keys"]))


def _read_sealing_keys(raw: Sequence[Any]) -> tuple[SealingKey, ...]:
    return tuple(SealingKey.from_dict(item) for item in list_at({"sealing_keys": raw}, "sealing_keys", MAX_KEYS))


def _read_chain(raw: Any) -> ChainAnchor:
    value = object_with(raw, ["chain_id", "contract"], "chain")
    return ChainAnchor(integer_at(value, "chain_id", 1, 2**53 - 1), matching_at(value, "contract", _ADDRESS))
