"""Connectors that are broken on purpose, each in one way. The honest one passes everything on."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from connectors.gov_data.utilities.mapping import map_bills
from connectors.kit.contract import (
    NO_ACCOUNT,
    ActionStatus,
    CheckOutcome,
    CheckResult,
    Order,
    Outcome,
    Presence,
    Query,
    Record,
    UpstreamError,
    UpstreamMalformed,
    UpstreamTimeout,
    UpstreamUnavailable,
    rejected,
)
from connectors.kit.months import Period

Fetch = Callable[[Query], Coroutine[Any, Any, Record]]


@dataclass
class Honest:
    """Passes everything on; the broken ones below differ in one method."""

    inner: Any

    def discover(self) -> frozenset[str]:
        return frozenset(self.inner.discover())

    async def check(self) -> CheckResult:
        result: CheckResult = await self.inner.check()
        return result

    async def read(self, query: Query) -> Record:
        record: Record = await self.inner.read(query)
        return record


class AlwaysReady(Honest):
    async def check(self) -> CheckResult:
        return CheckResult(CheckOutcome.READY)


class IgnoresThePeriod(Honest):
    async def read(self, query: Query) -> Record:
        return await super().read(replace(query, period=Period.parse("2025-07", "2026-10")))


class AbsenceIsAnError(Honest):
    async def read(self, query: Query) -> Record:
        record = await super().read(query)
        if record.presence is Presence.NO_ACCOUNT:
            raise UpstreamUnavailable("nobody there")
        return record


class FailureIsAbsence(Honest):
    async def read(self, query: Query) -> Record:
        try:
            return await super().read(query)
        except UpstreamError:
            return NO_ACCOUNT


class EveryFailureIsTheSame(Honest):
    async def read(self, query: Query) -> Record:
        try:
            return await super().read(query)
        except UpstreamMalformed:
            raise UpstreamUnavailable("something went wrong") from None


class AddsAField(Honest):
    async def read(self, query: Query) -> Record:
        record = await super().read(query)
        return Record(record.presence, {**record.data, "resident_id": query.subject.resident_id})


class LeavesAFieldOut(Honest):
    async def read(self, query: Query) -> Record:
        record = await super().read(query)
        return Record(record.presence, {k: v for k, v in record.data.items() if k != "balance_fen"})


class CountsInFloats(Honest):
    async def read(self, query: Query) -> Record:
        record = await super().read(query)
        if record.presence is Presence.NO_ACCOUNT:
            return record
        return Record(record.presence, {**record.data, "balance_fen": float(4)})  # type: ignore[dict-item]


class SmugglesThePersonIn(Honest):
    async def read(self, query: Query) -> Record:
        record = await super().read(query)
        if record.presence is Presence.NO_ACCOUNT:
            return record
        return Record(record.presence, {**record.data, "employer_name": f"{query.subject.name} GmbH"})


class AsksTwice(Honest):
    async def read(self, query: Query) -> Record:
        await super().read(query)
        return await super().read(query)


@dataclass
class RemembersTheLast(Honest):
    """Serves an old answer whenever the agency fails, without saying so."""

    last: Record = NO_ACCOUNT

    async def read(self, query: Query) -> Record:
        try:
            self.last = await super().read(query)
        except UpstreamError:
            return self.last
        return self.last


class WaitsForEver(Honest):
    async def read(self, query: Query) -> Record:
        await asyncio.sleep(3_600)
        return await super().read(query)


class DeclaresLess(Honest):
    def discover(self) -> frozenset[str]:
        return frozenset()


class LogsThePerson(Honest):
    async def read(self, query: Query) -> Record:
        logging.getLogger("connector").info("reading %s", query.subject.resident_id)
        return await super().read(query)


class PrintsTheSecret(Honest):
    async def read(self, query: Query) -> Record:
        print(self.inner._context.credentials["secret"])  # noqa: T201
        return await super().read(query)


class QuotesThePersonInAnError(Honest):
    async def read(self, query: Query) -> Record:
        try:
            return await super().read(query)
        except UpstreamError as error:
            raise UpstreamUnavailable(f"no answer about {query.subject.name}") from error


class HidesTheSecretInTheCause(Honest):
    """The message is clean, but the error that it came from is not."""

    async def read(self, query: Query) -> Record:
        try:
            return await super().read(query)
        except UpstreamError as error:
            try:
                raise ValueError(f"bad secret {self.inner._context.credentials['secret']}")
            except ValueError as cause:
                raise type(error)("no answer") from cause


class ShowsTheSecretInItsFields(Honest):
    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.authorisation = f"Basic {inner._context.credentials['secret']}"


class TellsTheSecretWhenChecked(Honest):
    async def check(self) -> CheckResult:
        result = await super().check()
        return replace(result, detail=f"asked with {self.inner._context.credentials['secret']}")


class BlocksTheProcess(Honest):
    """Waits for its agency without letting anybody else go on, as a client without asyncio does."""

    async def read(self, query: Query) -> Record:
        time.sleep(0.5)  # noqa: ASYNC251
        return await super().read(query)


class CallsAnAbsentAgencyRefusing(Honest):
    async def check(self) -> CheckResult:
        result = await super().check()
        return CheckResult(CheckOutcome.REAUTHENTICATE) if result.outcome is CheckOutcome.RETRY else result


@dataclass
class HonestPayer(Honest):
    """As `Honest`, for connectors that act."""

    def actions(self) -> frozenset[str]:
        return frozenset(self.inner.actions())

    async def act(self, order: Order) -> Outcome:
        outcome: Outcome = await self.inner.act(order)
        return outcome


class ReadsTheFirstPageOnly(HonestPayer):
    async def read(self, query: Query) -> Record:
        first = await self.inner._page(query, 1)
        if first["code"] != "OK":
            return NO_ACCOUNT
        return Record(Presence.PRESENT, map_bills(first["accounts"], first["bills"], query.period))


class BelievesEveryPage(HonestPayer):
    """Turns pages until it has as many bills as there should be, whatever bills they are."""

    async def read(self, query: Query) -> Record:
        page, bills, number = await self.inner._page(query, 1), [], 1
        if page["code"] != "OK":
            return NO_ACCOUNT
        while len(bills) < page["total"] and number < 10:
            bills += (await self.inner._page(query, number))["bills"]
            number += 1
        return Record(Presence.PRESENT, map_bills(page["accounts"], bills[: page["total"]], query.period))


class ForgetsItsTicket(Honest):
    """Asks the bureau anew at every attempt: each is an inquiry in the person's report."""

    async def read(self, query: Query) -> Record:
        return await super().read(replace(query, request_id=os.urandom(8).hex()))


class FreshOrderEveryTime(HonestPayer):
    """Makes a new order number at every attempt, so the agency cannot know that it is the same payment."""

    async def act(self, order: Order) -> Outcome:
        return await super().act(replace(order, order_id=os.urandom(16).hex()))


class SilenceIsSuccess(HonestPayer):
    async def act(self, order: Order) -> Outcome:
        try:
            return await super().act(order)
        except UpstreamTimeout:
            receipt = {"paid_at": "2026-11-21T08:00:00Z", "paid_fen": 1, "receipt_number": "UNKNOWN"}
            return Outcome(ActionStatus.EXECUTED, receipt)


class SilenceIsRejection(HonestPayer):
    async def act(self, order: Order) -> Outcome:
        try:
            return await super().act(order)
        except UpstreamError:
            return rejected("AGENCY_DOWN")


class PaysWhateverIsOwed(HonestPayer):
    """Corrects the amount that the person signed to the one that the agency wants."""

    async def act(self, order: Order) -> Outcome:
        outcome = await super().act(order)
        if outcome.status is ActionStatus.REJECTED:
            amount_fen = order.parameters["amount_fen"]
            assert isinstance(amount_fen, int)
            return await super().act(replace(order, parameters={**order.parameters, "amount_fen": amount_fen + 1}))
        return outcome


class RejectionIsAnError(HonestPayer):
    async def act(self, order: Order) -> Outcome:
        outcome = await super().act(order)
        if outcome.status is ActionStatus.REJECTED:
            raise UpstreamMalformed("it said no")
        return outcome


class LosesTheReceipt(HonestPayer):
    async def act(self, order: Order) -> Outcome:
        outcome = await super().act(order)
        return replace(outcome, data={k: v for k, v in outcome.data.items() if k != "receipt_number"})


class LogsThePayment(HonestPayer):
    async def act(self, order: Order) -> Outcome:
        logging.getLogger("connector").info("paying %s", order.parameters)
        return await super().act(order)


class CallsEveryFailureAClosedDoor(HonestPayer):
    """Says that nothing was sent when much was."""

    async def act(self, order: Order) -> Outcome:
        try:
            return await super().act(order)
        except UpstreamError:
            raise UpstreamUnavailable("no connection", nothing_sent=True) from None
