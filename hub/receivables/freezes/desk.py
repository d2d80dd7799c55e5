"""Courts freeze receivables and certificates; the bank's operator enters the order (SPC-CPL-499).

While any order over it is live, a certificate is not split, passed on or financed, a receivable is not certificated,
pledged, assigned, stated anew or given up, and what falls due goes to an account that is frozen in its place. A
certificate under a loan stays the lender's security: only what the loan leaves over is frozen. Runs inside the caller's
transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError

from hub.platform.database import Database
from hub.platform.legal_rules import FREEZE
from hub.receivables import stored as stored_receivables
from hub.receivables.access import visible_certificate, visible_receivable
from hub.receivables.certificates import stored as stored_certificates
from hub.receivables.freezes import stored
from hub.receivables.freezes.stored import Freeze, FrozenKind
from hub.receivables.model import Certificate
from hub.receivables.records import Records
from hub.receivables.states import (
    LIVE_RECEIVABLE_STATES,
    UNSPENT_STATES,
    CertificateEvent,
    CertificateState,
    ReceivableState,
)

IN_DISPUTE = frozenset({ReceivableState.DISPUTED, ReceivableState.DILUTED})
Tell = Callable[[Freeze], Awaitable[None]]


class Freezes:
    """Freeze and unfreeze, whoever's it is; the policy says that only an operator may."""

    def __init__(self, database: Database, clock: Clock, records: Records) -> None:
        self._database = database
        self._clock = clock
        self._records = records
        self._before_freezing: list[Callable[[Certificate], Awaitable[None]]] = []
        self._when_unfrozen: list[Tell] = []

    def before_freezing(self, tell: Callable[[Certificate], Awaitable[None]]) -> None:
        """Have somebody told of a blocked certificate before it is frozen: whoever blocked it gives it back."""
        self._before_freezing.append(tell)

    def when_unfrozen(self, tell: Tell) -> None:
        """Have somebody told, in the same transaction, once no order over an object is live any more."""
        self._when_unfrozen.append(tell)

    async def freeze(
        self, freeze_id: str, kind: FrozenKind, object_id: str, order_number: str, authority: str
    ) -> Freeze:
        """Enter a court's order.

        Raises NOT_FOUND, STATE_CONFLICT (spent, settled, or an offer nobody accepted yet), ALREADY_EXISTS.
        """
        freeze = Freeze(freeze_id, kind, object_id, order_number, authority, self._clock.now())
        if kind is FrozenKind.RECEIVABLE:
            await self._check_receivable(object_id)
            await stored.add(self._database, freeze)
        else:
            await self._freeze_certificate(freeze)
        await self._records.freeze("frozen", freeze, await self._parties(freeze))
        return freeze

    async def unfreeze(self, freeze_id: str, order_number: str) -> Freeze:
        """Lift one order by another; with the last one the object is free. Raises NOT_FOUND, STATE_CONFLICT."""
        known = await stored.find(freeze_id)
        if known is None:
            raise HuilianError("NOT_FOUND", resource="freeze")
        await self._lock(known)
        lifted = await stored.lift(known, order_number, self._clock.now())
        await self._records.freeze("unfrozen", lifted, await self._parties(lifted))
        if not await stored.is_frozen(lifted.kind, lifted.object_id):
            await self._free(lifted)
        return lifted

    async def orders_over(self, caller: str | None, kind: FrozenKind, object_id: str) -> list[Freeze]:
        """Orders over an object, the oldest first. None asks as the bank; a party sees its own. Raises NOT_FOUND."""
        if caller is not None and kind is FrozenKind.RECEIVABLE:
            visible_receivable(caller, await stored_receivables.find(object_id))
        elif caller is not None:
            visible_certificate(caller, await stored_certificates.find(object_id))
        return await stored.of(kind, object_id)

    async def refreeze(self, certificate: Certificate) -> Certificate:
        """A certificate came back to its holder: it is frozen if an order over it is live."""
        if certificate.state is CertificateState.HELD and await _is_frozen_certificate(certificate.certificate_id):
            return await stored_certificates.move(certificate, CertificateEvent.FREEZE, None)
        return certificate

    async def _freeze_certificate(self, freeze: Freeze) -> None:
        seen = _existing(await stored_certificates.find(freeze.object_id))
        if seen.state is CertificateState.BLOCKED:
            # Outside the certificate's lock: whoever blocked it locks its own application first, as everywhere.
            for tell in self._before_freezing:
                await tell(seen)
        certificate = _existing(await stored_certificates.lock(freeze.object_id))
        frozen_as_it_is = certificate.state in (CertificateState.FINANCED, CertificateState.FROZEN)
        if certificate.state not in UNSPENT_STATES or not (
            frozen_as_it_is or certificate.state is CertificateState.HELD
        ):
            raise HuilianError("STATE_CONFLICT", "nothing to freeze", state=certificate.state)
        await stored.add(self._database, freeze)
        await self.refreeze(certificate)

    async def _check_receivable(self, receivable_id: str) -> None:
        receivable = await stored_receivables.lock(receivable_id)
        if receivable is None:
            raise HuilianError("NOT_FOUND", resource="receivable")
        # What is in dispute may be owed after all; who lost the freeze by a dispute could give the debt up before it.
        if receivable.state not in LIVE_RECEIVABLE_STATES | IN_DISPUTE:
            raise HuilianError("STATE_CONFLICT", "nothing is owed that could be frozen", state=receivable.state)

    async def _lock(self, freeze: Freeze) -> None:
        if freeze.kind is FrozenKind.RECEIVABLE:
            await stored_receivables.lock(freeze.object_id)
        else:
            await stored_certificates.lock(freeze.object_id)

    async def _free(self, freeze: Freeze) -> None:
        if freeze.kind is FrozenKind.CERTIFICATE:
            certificate = _existing(await stored_certificates.lock(freeze.object_id))
            if certificate.state is CertificateState.FROZEN:
                await stored_certificates.move(certificate, CertificateEvent.UNFREEZE, None)
        for tell in self._when_unfrozen:
            await tell(freeze)

    async def _parties(self, freeze: Freeze) -> list[str]:
        if freeze.kind is FrozenKind.CERTIFICATE:
            certificate = _existing(await stored_certificates.find(freeze.object_id))
            return sorted({certificate.holder_uscc, certificate.issuer_uscc})
        receivable = await stored_receivables.find(freeze.object_id)
        assert receivable is not None, "checked before"
        return sorted({receivable.buyer_uscc, receivable.supplier_uscc})


async def check_not_frozen(receivable_id: str) -> None:
    """Raises STATE_CONFLICT while a court's order over a receivable is live."""
    if await stored.is_frozen(FrozenKind.RECEIVABLE, receivable_id):
        raise HuilianError("STATE_CONFLICT", "frozen by a court", state="FROZEN", rule=FREEZE)


async def _is_frozen_certificate(certificate_id: str) -> bool:
    return await stored.is_frozen(FrozenKind.CERTIFICATE, certificate_id)


def _existing(certificate: Certificate | None) -> Certificate:
    if certificate is None:
        raise HuilianError("NOT_FOUND", resource="certificate")
    return certificate
