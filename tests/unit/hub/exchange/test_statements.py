"""Statements through a real edge: what the edge counted, the hub hands on as the edge signed it."""

from __future__ import annotations

from datetime import timedelta

import grpc
from huilian_protocol.access_export import ExportedRecord
from huilian_protocol.answer_count import verify_answer_count
from huilian_protocol.jose import thumbprint
from huilian_protocol.record import SALT_BYTES

from hub.exchange.catalogue import Catalogue
from hub.exchange.connectors import Connector
from hub.exchange.statements import AccessStatements, _consents_at_edges
from tests.unit.hub.exchange.conftest import CONSENT, DATASET, Exchange


async def test_the_edge_counts_what_left_it_and_nothing_else(exchange: Exchange) -> None:
    await exchange.grant()
    await exchange.fetch(1)
    await exchange.fetch(1)
    await exchange.refused(2, fields=("opened_month",))
    key = exchange.edge.keys.signing.public_key()
    token = await exchange.connector.count_answers(CONSENT)
    count = verify_answer_count(token, {thumbprint(key): key})
    assert (count.agency, count.consent_id) == ("housing_fund", CONSENT)
    assert [(item.request_id, item.dataset) for item in count.answers] == [("request-00000001", DATASET)]
    other = await exchange.connector.count_answers("consent-00000009")
    assert verify_answer_count(other, {thumbprint(key): key}).answers == ()


async def test_every_edge_that_a_record_names_is_asked_once_per_consent(exchange: Exchange) -> None:
    await exchange.grant()
    await exchange.fetch(1)
    await exchange.fetch(2)
    records = [ExportedRecord(item.record, bytes(SALT_BYTES), {}, 0, ()) for item in await exchange.records()]
    assert _consents_at_edges(records) == [("housing_fund", CONSENT)]


async def test_an_edge_that_is_away_is_left_out(exchange: Exchange) -> None:
    assert await exchange.service.statements._count("housing_fund", CONSENT)
    async with grpc.aio.insecure_channel("127.0.0.1:1") as nobody:
        away = Connector("housing_fund", nobody, exchange.clock)
        statements = AccessStatements(Catalogue([away]), exchange.service.statements._exports)
        assert await statements._count("housing_fund", CONSENT) == ""
    assert await statements._count("unknown_agency", CONSENT) == ""


async def test_a_statement_covers_the_reads_up_to_now(exchange: Exchange) -> None:
    await exchange.grant()
    await exchange.fetch(1)
    start = exchange.clock.now() - timedelta(hours=1)
    async with exchange.database.transaction():
        name, stated = await exchange.service.statements.issue(exchange.citizen.subject, "request-st-1", start, None)
    assert name == "access-statement:request-st-1" and (stated.first_sequence, stated.count) == (1, 1)
    assert [item.content["outcome"] for item in await exchange.records()] == ["DELIVERED"]
