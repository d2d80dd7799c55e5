"""Canary: what the person is called and what the agency says never shows in the hub's tables, files, logs, answers or
errors, whatever an agency or a broken edge puts into theirs.
"""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from unittest.mock import AsyncMock

import grpc
import pytest
from huilian.exchange.v1 import exchange_service_pb2 as pb
from huilian_protocol.canonical import b64u_encode
from huilian_protocol.errors import HuilianError
from huilian_protocol.status import to_rpc_status
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit.contract import CheckOutcome, CheckResult, Connector, Query, Record, UpstreamUnavailable
from connectors.kit.health import Seen
from connectors.kit.sandbox_people import DEMO_BORROWER
from connectors.kit.sandbox_server import Fault
from hub.exchange.edge_words import plain_words
from hub.exchange.rpc import ExchangeServicer
from hub.platform.idempotency import Idempotency
from tests.support.tables import everything
from tests.unit.hub.exchange.conftest import DATASET, Exchange


async def everything_kept(exchange: Exchange) -> bytes:
    """Every row of every table; on SQLite the raw files too, with what deleted rows left in them."""
    kept = str(await everything(exchange.database)).encode()
    if exchange.database.dialect == "sqlite":
        [row] = [row for row in await exchange.database.fetch("PRAGMA database_list") if row["name"] == "main"]
        file = Path(row["file"])
        kept += b"".join(part.read_bytes() for part in file.parent.glob(f"{file.name}*"))
    return kept


def forms(value: str) -> list[bytes]:
    """The ways in which a value could be hidden in plain sight."""
    raw = value.encode()
    return [raw, raw.hex().encode(), b64u_encode(raw).encode(), value.encode("unicode_escape"), str(raw)[2:-1].encode()]


async def test_no_personal_value_stays_in_the_hub(exchange: Exchange, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    consent = await exchange.grant()
    payload = exchange.opened(await exchange.fetch(1))
    for number, fault in enumerate((Fault.WRONG_PERSON, Fault.GARBAGE, Fault.TELLS), start=2):
        exchange.edge.upstream.faults.active = fault
        await exchange.refused(number)
    exchange.edge.upstream.faults.active = None
    exchange.clock.advance(timedelta(minutes=1))
    await exchange.revoke()
    await exchange.refused(9)

    canaries = [DEMO_BORROWER.name, DEMO_BORROWER.resident_id, b64u_encode(exchange.citizen.salt)]
    canaries += [str(payload["data"]["balance_fen"]), payload["data"]["employer_name"]]
    kept = await everything_kept(exchange)
    assert consent.artefact.id.encode() in kept, "the haystack is the right one"
    hub_logs = "\n".join(
        record.getMessage() + str(record.__dict__) for record in caplog.records if record.name.startswith("hub")
    )
    for canary in canaries:
        for form in forms(canary):
            assert form not in kept
            assert form.decode() not in hub_logs


@dataclass
class Quoting:
    """A connector that puts everything it knows into its errors, as does what it says of its health."""

    inner: Connector
    words: str

    def discover(self) -> frozenset[str]:
        return self.inner.discover()

    async def check(self) -> CheckResult:
        return CheckResult(CheckOutcome.RETRY, self.words)

    async def read(self, query: Query) -> Record:
        raise UpstreamUnavailable(self.words) from ValueError(self.words)


def shown(error: HuilianError) -> str:
    """Every way in which a refusal is logged or answered."""
    told = [*traceback.format_exception(error), repr(error), error.detail, str(error.params), error.text_zh]
    return "".join([*told, error.text_en, str(to_rpc_status(error).SerializeToString())])


async def test_an_edge_that_quotes_the_person_is_not_quoted(
    exchange: Exchange, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    await exchange.grant(max_reads=9)
    payload = exchange.opened(await exchange.fetch(1))
    canaries = [DEMO_BORROWER.name, DEMO_BORROWER.resident_id, payload["data"]["employer_name"]]
    canaries += [str(payload["data"]["balance_fen"])]
    words = " ".join(form.decode() for canary in canaries for form in forms(canary))
    edge, texts = exchange.edge.service, []
    said = [
        HuilianError("FIELD_NOT_GRANTED", words, field=words),
        HuilianError("STATE_CONFLICT", words, state=words, **{DEMO_BORROWER.resident_id: "x"}),
        HuilianError("PROVIDER_FAULT", words, provider=words),
        RuntimeError(words),
    ]
    for number, error in enumerate(said, start=2):
        with monkeypatch.context() as patch:
            patch.setattr(edge, "read", AsyncMock(side_effect=error))
            with pytest.raises(HuilianError) as refusal:
                await exchange.fetch(number)
            texts.append(shown(refusal.value))
            # The same request again is refused from what the hub has kept.
            with pytest.raises(HuilianError) as again:
                await exchange.fetch(number)
            texts.append(shown(again.value))
    edge.connector = Quoting(edge.connector, words)
    edge.health._fields[DATASET][words[:40]].lately.extend([Seen.BROKEN, Seen.BROKEN])
    with pytest.raises(HuilianError) as refusal:
        await exchange.fetch(7)
    texts.append(shown(refusal.value))
    await exchange.service.board.check()
    servicer = ExchangeServicer(exchange.service, Idempotency(exchange.database, exchange.clock, exchange.vault))
    texts.append(str(await servicer.GetServiceStatus(pb.GetServiceStatusRequest(), None)))
    await exchange.service.events.drain()
    kept = await everything_kept(exchange)
    texts += [record.getMessage() + str(record.__dict__) for record in caplog.records if record.name.startswith("hub")]
    assert "FIELD_NOT_GRANTED" in texts[0] and "STATE_CONFLICT" in texts[2]
    for canary in canaries:
        for form in forms(canary):
            assert form not in kept
            assert not [text for text in texts if form.decode() in text]


@pytest.mark.parametrize("status", [grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL])
async def test_a_bare_failure_of_an_edge_is_not_quoted_either(exchange: Exchange, status: grpc.StatusCode) -> None:
    words = f"no {DEMO_BORROWER.name} {DEMO_BORROWER.resident_id}"
    empty = grpc.aio.Metadata()
    told = shown(exchange.connector._error(grpc.aio.AioRpcError(status, empty, empty, words)))
    assert DEMO_BORROWER.name not in told and DEMO_BORROWER.resident_id not in told and "PROVIDER_" in told


@given(st.text(), st.sampled_from(["", " ", "-", "/"]), st.text("0123456789", min_size=6, max_size=19), st.text())
def test_no_long_number_and_no_foreign_script_passes(before: str, between: str, number: str, after: str) -> None:
    passed = plain_words(f"{before} {between.join(number)} {after}").replace("…", "")
    assert passed.isascii() and between.join(number) not in passed


@pytest.mark.parametrize(
    "sentence",
    [
        "of housing_fund.account/v1",
        "the agency answered HTTP 503",
        "no answer within the time limit",
        "the device's signature does not match",
        "another request is doing this",
        "traffic_police.pay_fine/v1",
        "at most 24",
    ],
)
def test_the_kits_own_sentences_pass(sentence: str) -> None:
    assert plain_words(sentence) == sentence
