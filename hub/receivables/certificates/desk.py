"""Use cases on certificates: issue, accept, refuse, split, transfer, read. Each runs inside the caller's transaction.

A certificate is an unspent output. Splitting and transferring spend it and make new ones; refusing a transferred one
spends it and gives a new one back to whoever offered it. So unspent + redeemed = issued <= confirmed, always.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from huilian_protocol.clock import Clock
from huilian_protocol.errors import HuilianError, malformed_uscc
from huilian_protocol.signers import Power

from hub.platform.business_day import business_date
from hub.platform.database import Database
from hub.platform.ids import Ids
from hub.platform.paging import Page
from hub.receivables import stored as stored_receivables
from hub.receivables.access import visible_certificate, visible_receivable
from hub.receivables.certificates import stored
from hub.receivables.disputes.dilutions import Dilutions
from hub.receivables.freezes.desk import check_not_frozen
from hub.receivables.model import Certificate, Receivable
from hub.receivables.ports import EnterpriseDirectory, Mandates
from hub.receivables.reasons import Reason, term_reason
from hub.receivables.records import Records
from hub.receivables.rules import (
    check_certificate_term,
    check_issue_amount,
    check_not_due,
    check_split,
)
from hub.receivables.states import CertificateEvent, CertificateState, ReceivableEvent, ReceivableState
from hub.receivables.states import next_receivable_state as next_state
from hub.receivables.trade.model import is_uscc


@dataclass(frozen=True, slots=True)
class Issued:
    """A new certificate, and what the law does not forbid but frowns at."""

    certificate: Certificate
    warnings: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused certificate, and the new one that whoever offered it holds instead (none for a freshly issued one)."""

    certificate: Certificate
    returned: Certificate | None


class Certificates:
    """Certificates as their parties use them. `caller` is the USCC of the enterprise that asks."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        records: Records,
        enterprises: EnterpriseDirectory,
        dilutions: Dilutions,
        mandates: Mandates,
    ) -> None:
        self._dilutions = dilutions
        self._database = database
        self._clock = clock
        self._ids = ids
        self._records = records
        self._enterprises = enterprises
        self._mandates = mandates

    async def issue(self, caller: str, certificate_id: str, receivable_id: str, amount_fen: int) -> Issued:
        """The buyer issues a certificate over part of a confirmed receivable to its supplier, who may refuse it.

        Raises NOT_FOUND, PERMISSION_DENIED, STATE_CONFLICT, TERM_TOO_LONG (银发〔2025〕77号),
        AMOUNT_EXCEEDS_RECEIVABLE, ALREADY_EXISTS.
        """
        receivable = visible_receivable(caller, await stored_receivables.lock(receivable_id))
        if caller != receivable.buyer_uscc:
            raise HuilianError("PERMISSION_DENIED", "only the buyer issues certificates")
        state = _certificated(receivable)
        await check_not_frozen(receivable_id)
        now = self._clock.now()
        warning = check_certificate_term(business_date(now), receivable.due_date)
        loss = await self._dilutions.loss_of(receivable)
        check_issue_amount(amount_fen, receivable.amount_fen - max(loss.fen, 0), receivable.issued_fen)
        await self._mandates.require_verified(receivable.supplier_uscc)
        await self._mandates.require_mandate(caller, Power.CONFIRM, certificate_id, amount_fen)
        certificate = _root(certificate_id, receivable, amount_fen, now)
        await stored_receivables.set_amounts(
            receivable, receivable.issued_fen + amount_fen, receivable.redeemed_fen, state
        )
        await stored.insert(self._database, certificate)
        await self._records.certificate("issued", certificate)
        return Issued(certificate, (term_reason(warning),) if warning else ())

    async def accept(self, caller: str, certificate_id: str) -> Certificate:
        """The holder takes what it was offered (no certificate is forced on anyone, 银发〔2025〕77号).

        Raises NOT_FOUND, PERMISSION_DENIED, STATE_CONFLICT.
        """
        offered = await self._lock_own(caller, certificate_id)
        check_not_due(offered.due_date, self._today())
        await self._mandates.require_mandate(caller, Power.ACCEPT, certificate_id, offered.amount_fen)
        accepted = await stored.move(offered, CertificateEvent.ACCEPT, None)
        await self._records.certificate("accepted", accepted)
        return accepted

    async def refuse(self, caller: str, certificate_id: str) -> Refused:
        """The holder does not take what it was offered; the amount goes back where it came from.

        Raises NOT_FOUND, PERMISSION_DENIED (also without a signer's word), STATE_CONFLICT.
        """
        # The receivable is locked before the certificate, as everywhere; a certificate never changes its receivable.
        seen = visible_certificate(caller, await stored.find(certificate_id))
        receivable = await stored_receivables.lock(seen.receivable_id)
        offered = await self._lock_own(caller, certificate_id)
        assert receivable is not None, "a certificate's receivable exists: a foreign key says so"
        await self._mandates.require_word(caller, Power.ACCEPT, certificate_id, offered.amount_fen)
        return await self.give_back(receivable, offered, CertificateEvent.REFUSE)

    async def split(
        self, caller: str, certificate_id: str, parts: Sequence[tuple[str, int]]
    ) -> tuple[Certificate, ...]:
        """Spend a certificate into parts (new id, amount in fen) of the same holder and maturity.

        Raises NOT_FOUND, PERMISSION_DENIED, STATE_CONFLICT, INVALID_ARGUMENT (parts do not add up), ALREADY_EXISTS.
        """
        parent = await self._lock_own(caller, certificate_id)
        check_not_due(parent.due_date, self._today())
        check_split(parent.amount_fen, [amount_fen for _, amount_fen in parts])
        await self._mandates.require_mandate(caller, Power.TRANSFER, certificate_id, parent.amount_fen)
        spent = await stored.move(parent, CertificateEvent.SPLIT, None)
        now = self._clock.now()
        children = tuple(
            replace(_output(parent, new_id, index, now), amount_fen=amount_fen)
            for index, (new_id, amount_fen) in enumerate(parts)
        )
        # In the order of their ids: two splits that claim the same new ids wait for each other, never in a circle.
        for child in sorted(children, key=lambda child: child.certificate_id):
            await stored.insert(self._database, child)
        listed = [{"certificate_id": child.certificate_id, "amount_fen": child.amount_fen} for child in children]
        await self._records.certificate("split", spent, parts=listed)
        return children

    async def transfer(self, caller: str, certificate_id: str, new_id: str, receiver_uscc: str) -> Certificate:
        """Spend a certificate into one of the same amount that is offered to another enterprise; the new certificate.

        Raises NOT_FOUND, PERMISSION_DENIED, STATE_CONFLICT, USCC_MALFORMED, INVALID_ARGUMENT, ALREADY_EXISTS.
        """
        parent = await self._lock_own(caller, certificate_id)
        await self._check_receiver(parent, receiver_uscc)
        check_not_due(parent.due_date, self._today())
        await self._mandates.require_mandate(caller, Power.TRANSFER, certificate_id, parent.amount_fen)
        await stored.move(parent, CertificateEvent.TRANSFER, None)
        offered = _output(parent, new_id, 0, self._clock.now())
        offered = replace(offered, state=CertificateState.ISSUED, holder_uscc=receiver_uscc)
        await stored.insert(self._database, offered)
        await self._records.certificate("transferred", offered)
        return offered

    async def get(self, caller: str, certificate_id: str) -> Certificate:
        """A certificate that the caller holds, issued or passed on. Raises NOT_FOUND for any other."""
        return visible_certificate(caller, await stored.find(certificate_id))

    async def list_own(self, caller: str, page_size: int, page_token: str) -> Page[Certificate]:
        """Certificates that the caller holds, issued or passed on, newest first. Raises INVALID_ARGUMENT."""
        return await stored.page_of_party(caller, page_size, page_token)

    async def give_back(self, receivable: Receivable, offered: Certificate, event: CertificateEvent) -> Refused:
        """End an offer by refusal or lapse. The receivable and the certificate are locked by the caller."""
        ended = await stored.move(offered, event, None)
        await self._records.certificate(ended.state.value.lower(), ended)
        if ended.parent_id is None:
            whole = await self._take_back(receivable, ended.amount_fen)
            if event is CertificateEvent.REFUSE:
                # What was credited while the offer stood comes off now. From the due date on nothing does any more.
                await self._dilutions.take_off(whole)
            return Refused(ended, None)
        returned = _output(ended, self._ids(), 0, self._clock.now())
        returned = replace(returned, holder_uscc=ended.offered_by, offered_by=ended.offered_by)
        await stored.insert(self._database, returned)
        await self._records.certificate("returned", returned)
        return Refused(ended, returned)

    async def _take_back(self, receivable: Receivable, amount_fen: int) -> Receivable:
        """What nobody took is not issued: the buyer may issue it anew."""
        issued_fen, state = receivable.issued_fen - amount_fen, receivable.state
        # An overdue receivable stays overdue, with certificates out or without.
        if not issued_fen and state is ReceivableState.CERTIFICATED:
            state = next_state(state, ReceivableEvent.DECERTIFICATE)
        return await stored_receivables.set_amounts(receivable, issued_fen, receivable.redeemed_fen, state)

    async def _lock_own(self, caller: str, certificate_id: str) -> Certificate:
        certificate = visible_certificate(caller, await stored.lock(certificate_id))
        if caller != certificate.holder_uscc:
            raise HuilianError("PERMISSION_DENIED", "only its holder disposes of a certificate")
        return certificate

    async def _check_receiver(self, certificate: Certificate, receiver_uscc: str) -> None:
        if not is_uscc(receiver_uscc):
            raise malformed_uscc(receiver_uscc)
        if receiver_uscc in (certificate.holder_uscc, certificate.issuer_uscc):
            raise HuilianError("INVALID_ARGUMENT", "a certificate goes to a third party", field="receiver_uscc")
        await self._enterprises.require_registered(receiver_uscc)
        await self._mandates.require_verified(receiver_uscc)

    def _today(self) -> dt.date:
        return business_date(self._clock.now())


def _certificated(receivable: Receivable) -> ReceivableState:
    if receivable.state is ReceivableState.CERTIFICATED:
        return receivable.state
    return next_state(receivable.state, ReceivableEvent.CERTIFICATE)


def _root(certificate_id: str, receivable: Receivable, amount_fen: int, now: dt.datetime) -> Certificate:
    return Certificate(
        certificate_id=certificate_id,
        receivable_id=receivable.receivable_id,
        parent_id=None,
        output_index=0,
        state=CertificateState.ISSUED,
        issuer_uscc=receivable.buyer_uscc,
        holder_uscc=receivable.supplier_uscc,
        offered_by=receivable.buyer_uscc,
        amount_fen=amount_fen,
        due_date=receivable.due_date,
        financing_id=None,
        created_at=now,
    )


def _output(parent: Certificate, certificate_id: str, index: int, now: dt.datetime) -> Certificate:
    """A child: what its parent was, above all its maturity, in a place of its own, held by the parent's holder."""
    return replace(
        parent,
        certificate_id=certificate_id,
        parent_id=parent.certificate_id,
        output_index=index,
        state=CertificateState.HELD,
        offered_by=parent.holder_uscc,
        created_at=now,
    )
