"""The core enterprise confirms a receivable with its own key. Runs inside the caller's transaction.

The hub never holds that key. What it writes down is the signature with the enterprise's certificate, so that anyone can
check later, with the hub switched off, what was confirmed and by whom.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from huilian_protocol.clock import Clock
from huilian_protocol.confirmation import ReceivableConfirmation, verify_confirmation
from huilian_protocol.errors import HuilianError
from huilian_protocol.signers import Power

from hub.platform.legal_rules import REAL_TRADE
from hub.receivables import stored as stored_receivables
from hub.receivables.access import visible_receivable
from hub.receivables.authenticity.desk import Authenticity
from hub.receivables.model import Receivable
from hub.receivables.ports import EnterpriseDirectory, Mandates
from hub.receivables.records import CURRENCY, Records, evidence_hash
from hub.receivables.rules import check_confirmation_time
from hub.receivables.states import ReceivableEvent, ReceivableState, next_receivable_state


@dataclass(frozen=True, slots=True)
class ConfirmationDomain:
    """What every confirmation names (EIP-712 domain), and the CA, or CAs, that certify the signers."""

    chain_id: int
    contract: str
    enterprise_ca_pem: str | Callable[[], str]

    def authorities(self) -> str:
        """The CAs that are trusted now, in PEM."""
        return self.enterprise_ca_pem() if callable(self.enterprise_ca_pem) else self.enterprise_ca_pem


class Confirmations:
    """Prepares and takes confirmations. `caller` is the USCC of the enterprise that asks."""

    def __init__(
        self,
        clock: Clock,
        records: Records,
        enterprises: EnterpriseDirectory,
        domain: ConfirmationDomain,
        authenticity: Authenticity,
        mandates: Mandates,
    ) -> None:
        self._clock = clock
        self._records = records
        self._enterprises = enterprises
        self._domain = domain
        self._authenticity = authenticity
        self._mandates = mandates
        self._when_confirmed: list[Callable[[Receivable], Awaitable[None]]] = []

    def when_confirmed(self, tell: Callable[[Receivable], Awaitable[None]]) -> None:
        """Have somebody told of a receivable in the transaction that confirms it."""
        self._when_confirmed.append(tell)

    async def prepare(self, caller: str, receivable_id: str) -> ReceivableConfirmation:
        """What the buyer would sign now. Nothing is written.

        Raises NOT_FOUND, PERMISSION_DENIED, MATCH_FAILED, STATE_CONFLICT.
        """
        receivable = visible_receivable(caller, await stored_receivables.find(receivable_id))
        _check_confirmable(caller, receivable)
        return self._message(receivable, int(self._clock.now().timestamp()))

    async def confirm(self, caller: str, message: ReceivableConfirmation, signature: bytes) -> Receivable:
        """Take the buyer's signature (r || s || v, 65 bytes) over exactly what the hub would prepare.

        Raises what `prepare` raises, CONFIRMATION_MISMATCH, ENTERPRISE_CERTIFICATE_INVALID, and INVOICE_REFUSED or
        PROVIDER_UNAVAILABLE unless the tax authority was asked just before and knows the invoice.
        """
        receivable = visible_receivable(caller, await stored_receivables.lock(message.receivable_id))
        _check_confirmable(caller, receivable)
        _check_content(self._message(receivable, message.confirmed_at), message)
        now = self._clock.now()
        check_confirmation_time(message.confirmed_at, now)
        certificate_pem = await self._enterprises.confirmation_certificate(caller)
        verify_confirmation(message, signature, certificate_pem, self._domain.authorities())
        await self._mandates.require_mandate(caller, Power.CONFIRM, receivable.receivable_id, receivable.amount_fen)
        await self._authenticity.require(receivable)
        confirmed = await stored_receivables.confirm(receivable, now)
        await self._records.confirmation(message, signature, certificate_pem, now)
        for tell in self._when_confirmed:
            await tell(confirmed)
        return confirmed

    def _message(self, receivable: Receivable, confirmed_at: int) -> ReceivableConfirmation:
        return ReceivableConfirmation(
            receivable_id=receivable.receivable_id,
            invoice_id=receivable.invoice_number,
            buyer_uscc=receivable.buyer_uscc,
            supplier_uscc=receivable.supplier_uscc,
            amount_fen=receivable.amount_fen,
            currency=CURRENCY,
            due_date=receivable.due_date,
            evidence_hash=evidence_hash(receivable),
            confirmed_at=confirmed_at,
            chain_id=self._domain.chain_id,
            verifying_contract=self._domain.contract,
        )


def _check_confirmable(caller: str, receivable: Receivable) -> None:
    if caller != receivable.buyer_uscc:
        raise HuilianError("PERMISSION_DENIED", "only the buyer confirms what it owes")
    if receivable.state is ReceivableState.DRAFT:
        _refuse_draft(receivable)
    next_receivable_state(receivable.state, ReceivableEvent.CONFIRM)


def _refuse_draft(receivable: Receivable) -> None:
    raise HuilianError("MATCH_FAILED", reason=", ".join(reason.code for reason in receivable.reasons), rule=REAL_TRADE)


def _check_content(expected: ReceivableConfirmation, signed: ReceivableConfirmation) -> None:
    wanted, found = expected.to_dict(), signed.to_dict()
    differing = [name for name in wanted if wanted[name] != found[name]]
    if differing:
        raise HuilianError("CONFIRMATION_MISMATCH", field=", ".join(differing))
