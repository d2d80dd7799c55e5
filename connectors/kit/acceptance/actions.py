"""The part of the acceptance suite for connectors that act: whatever happens, nothing is done twice or unasked.

    class TestPayFine(ActionAcceptance):
        package = "connectors.gov_data.traffic_police"
        action_cases = (ActionCase("traffic_police.pay_fine/v1", DEBTOR, good={...}, bad={...}),)

`good` are parameters that the sandbox executes for this person, `bad` ones that it rejects for the same target.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from huilian_protocol.action import ActionParameters, commit_parameters, verify_result
from huilian_protocol.answer_count import CountedAction, verify_answer_count
from huilian_protocol.artefact import ActionGrant, Artefact, Purpose
from huilian_protocol.canonical import canonicalise, parse_json
from huilian_protocol.errors import HuilianError
from huilian_protocol.jose import thumbprint
from huilian_protocol.sealing import Suite, generate_keypair

from connectors.kit.acceptance.cases import ActionCase
from connectors.kit.acceptance.edge import Edge, running_edge
from connectors.kit.acceptance.world import NOW, Device, open_result, seal_parameters, seal_subject
from connectors.kit.consent_status import Notice
from connectors.kit.contract import ActingConnector, Connector, Order, Outcome
from connectors.kit.requests import ActRequest
from connectors.kit.sandbox_people import population
from connectors.kit.sandbox_server import Fault

PAYMENT = Purpose("PUBLIC_PAYMENT", "验收测试：缴费")
# Faults after which nobody can know whether it was done, with what the caller is told.
OPEN_ENDS = {
    Fault.SLOW: "PROVIDER_TIMEOUT",
    Fault.STALLED: "PROVIDER_TIMEOUT",
    Fault.CUT: "PROVIDER_FAULT",
    Fault.GARBAGE: "PROVIDER_FAULT",
    Fault.HUGE: "PROVIDER_FAULT",
    Fault.DOWN: "PROVIDER_UNAVAILABLE",
}


@dataclass(frozen=True)
class Payer:
    """Who tries to act at which edge."""

    edge: Edge
    case: ActionCase

    def consent(self, parameters: ActionParameters, **changes: Any) -> tuple[Device, Artefact]:
        """A device and an artefact that allows exactly these parameters once."""
        device, amount_fen = self.edge.world.device(self.case.person), self.amount_fen(parameters)
        grant = ActionGrant(self.case.action, 1, amount_fen, commit_parameters(parameters))
        terms = {"datasets": (), "actions": (grant,), "purpose": PAYMENT, **changes}
        return device, self.edge.world.artefact(device, "unused.dataset/v1", (), **terms)

    def amount_fen(self, parameters: ActionParameters) -> int:
        """How much these parameters move."""
        spec = self.edge.upstream.manifest.action(self.case.action)
        assert spec is not None
        return int(parameters.values[spec.amount]) if spec.amount is not None else 0

    def order(self, values: Mapping[str, Any] | None = None, **changes: Any) -> tuple[Artefact, ActRequest]:
        """A consented request; the good parameters unless others are given."""
        parameters = ActionParameters(self.case.good if values is None else values, os.urandom(32))
        device, artefact = self.consent(parameters, **changes)
        return artefact, self.edge.act_request(device, artefact, parameters)

    async def counted(self, artefact: Artefact) -> tuple[CountedAction, ...]:
        """What the edge signs to have done under this consent."""
        key = self.edge.service.keys.signing.public_key()
        token = await self.edge.actions.count_answers(artefact.id)
        return verify_answer_count(token, {thumbprint(key): key}).actions

    def used(self, artefact: Artefact) -> int:
        """How often the consent has been used."""
        return self.edge.action_store.used(artefact.id, self.case.action)


class Died(BaseException):
    """The process is gone: nothing after this runs."""


@dataclass
class DiesOnce:
    """A connector whose process dies while it acts, before the agency heard of it or after it has done it."""

    inner: Connector
    after: bool

    def discover(self) -> frozenset[str]:
        return self.inner.discover()

    def actions(self) -> frozenset[str]:
        return _acting(self.inner).actions()

    async def check(self) -> Any:
        return await self.inner.check()

    async def read(self, query: Any) -> Any:
        return await self.inner.read(query)

    async def act(self, order: Order) -> Outcome:
        if self.after:
            await _acting(self.inner).act(order)
        raise Died


def _acting(connector: Connector) -> ActingConnector:
    assert hasattr(connector, "act"), "the connector under test acts"
    return connector  # type: ignore[return-value]


class ActionAcceptance:
    """Inherit, name the package, give one case per action."""

    package: str
    action_cases: tuple[ActionCase, ...]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run every test once per action."""
        if "action_case" in metafunc.fixturenames:
            metafunc.parametrize("action_case", self.action_cases, ids=[case.action for case in self.action_cases])

    def wrap(self, connector: Connector) -> Connector:
        """The connector under test; tests of the suite itself put a broken one in its place."""
        return connector

    @pytest_asyncio.fixture
    async def payer(self, tmp_path: Path, action_case: ActionCase) -> AsyncIterator[Payer]:
        """Somebody with something to pay."""
        async with running_edge(self.package, tmp_path, self.wrap) as edge:
            yield Payer(edge, action_case)

    async def test_there_is_a_case_for_every_action(self, payer: Payer) -> None:
        declared = {action.id for action in payer.edge.upstream.manifest.actions}
        assert declared == {case.action for case in self.action_cases} != set()

    async def test_an_action_is_done_once_and_its_result_sealed_and_signed(self, payer: Payer) -> None:
        artefact, request = payer.order()
        answer = await payer.edge.actions.act(request)
        result = open_result(payer.edge.world.recipient, artefact, request, answer)
        assert (result["status"], result["action"]) == ("executed", payer.case.action)
        assert payer.edge.upstream.faults.acts == payer.used(artefact) == 1
        key = payer.edge.service.keys.signing.public_key()
        verify_result(
            answer.edge_signature,
            {thumbprint(key): key},
            request_id=request.request_id,
            consent_sha256=artefact.sha256,
            action=payer.case.action,
            envelope=answer.envelope,
        )

    async def test_the_edge_counts_what_it_did_and_what_was_rejected(self, payer: Payer) -> None:
        for values, outcome in ((payer.case.bad, "REJECTED"), (payer.case.good, "EXECUTED")):
            artefact, request = payer.order(values)
            assert await payer.counted(artefact) == ()
            await payer.edge.actions.act(request)
            await payer.edge.actions.act(request)
            done = CountedAction(request.request_id, payer.case.action, outcome, NOW)
            assert await payer.counted(artefact) == (done,)
        payer.edge.upstream.faults.takes_twice = True
        artefact, again = payer.order()
        with pytest.raises(HuilianError):
            await payer.edge.actions.act(again)
        assert await payer.counted(artefact) == ()

    async def test_the_same_request_gets_the_same_answer(self, payer: Payer) -> None:
        artefact, request = payer.order()
        together = await asyncio.gather(*(payer.edge.actions.act(request) for _ in range(5)))
        assert {await payer.edge.actions.act(request), *together} == {together[0]}
        assert payer.edge.upstream.faults.acts == payer.used(artefact) == 1

    async def test_the_same_request_id_with_other_input_is_refused(self, payer: Payer) -> None:
        _, request = payer.order()
        await payer.edge.actions.act(request)
        _, other = payer.order()
        await expect_refusal(payer, replace(other, request_id=request.request_id), "SEALED_DATA_INVALID", acts=1)
        again = replace(request, sealed_subject=other.sealed_subject)
        await expect_refusal(payer, again, "SEALED_DATA_INVALID", acts=1)
        device = payer.edge.world.device(payer.case.person)
        parameters = ActionParameters(payer.case.good, os.urandom(32))
        artefact = replace(payer.consent(parameters)[1], subject=device.subject)
        other = payer.edge.act_request(device, artefact, parameters, request.request_id)
        await expect_refusal(payer, other, "REQUEST_ID_REUSED", acts=1)

    @pytest.mark.parametrize("takes_twice", [False, True])
    async def test_another_request_cannot_do_it_again(self, payer: Payer, takes_twice: bool) -> None:
        payer.edge.upstream.faults.takes_twice = takes_twice
        await payer.edge.actions.act(payer.order()[1])
        artefact, second = payer.order()
        await expect_refusal(payer, second, "ALREADY_EXISTS", acts=1)
        assert payer.used(artefact) == 0

    async def test_of_two_requests_at_a_time_one_does_it(self, payer: Payer) -> None:
        payer.edge.upstream.faults.takes_twice = True
        requests = [payer.order()[1] for _ in range(4)]
        outcomes = await asyncio.gather(*map(payer.edge.actions.act, requests), return_exceptions=True)
        refusals = [outcome.code for outcome in outcomes if isinstance(outcome, HuilianError)]
        assert len(refusals) == 3 and set(refusals) <= {"STATE_CONFLICT", "ALREADY_EXISTS"}
        assert payer.edge.upstream.faults.acts == 1

    @pytest.mark.parametrize("fault", OPEN_ENDS, ids=lambda fault: fault.value)
    async def test_an_open_end_is_taken_up_by_its_own_request(self, payer: Payer, fault: Fault) -> None:
        artefact, request = payer.order()
        payer.edge.upstream.faults.active = fault
        with pytest.raises(HuilianError) as failure:
            await payer.edge.actions.act(request)
        assert failure.value.code == OPEN_ENDS[fault]
        assert payer.used(artefact) == 1
        payer.edge.upstream.faults.active = None
        done = payer.edge.upstream.faults.acts
        await expect_refusal(payer, payer.order()[1], "STATE_CONFLICT", acts=done)
        answer = await payer.edge.actions.act(request)
        result = open_result(payer.edge.world.recipient, artefact, request, answer)
        assert result["status"] == "executed"
        assert payer.edge.upstream.faults.acts == payer.used(artefact) == 1

    async def test_what_was_refused_at_the_door_costs_nothing(self, payer: Payer) -> None:
        artefact, request = payer.order()
        payer.edge.upstream.faults.active = Fault.REFUSES
        with pytest.raises(HuilianError, match="PROVIDER_UNAVAILABLE"):
            await payer.edge.actions.act(request)
        assert payer.used(artefact) == payer.edge.upstream.faults.acts == 0
        payer.edge.upstream.faults.active = None
        await payer.edge.actions.act(payer.order()[1])
        assert payer.edge.upstream.faults.acts == 1

    async def test_refused_at_the_door_the_second_time_proves_nothing_about_the_first(self, payer: Payer) -> None:
        artefact, request = payer.order()
        for fault in (Fault.CUT, Fault.REFUSES):
            payer.edge.upstream.faults.active = fault
            with pytest.raises(HuilianError):
                await payer.edge.actions.act(request)
        payer.edge.upstream.faults.active = None
        await expect_refusal(payer, payer.order()[1], "STATE_CONFLICT", acts=1)
        await payer.edge.actions.act(request)
        assert payer.edge.upstream.faults.acts == payer.used(artefact) == 1

    async def test_a_rejection_is_an_answer_and_given_back(self, payer: Payer) -> None:
        artefact, request = payer.order(payer.case.bad)
        answer = await payer.edge.actions.act(request)
        result = open_result(payer.edge.world.recipient, artefact, request, answer)
        assert result["status"] == "rejected" and set(result["data"]) == {"reason"}
        assert await payer.edge.actions.act(request) == answer
        assert payer.used(artefact) == payer.edge.upstream.faults.acts == 0
        await payer.edge.actions.act(payer.order()[1])
        assert payer.edge.upstream.faults.acts == 1

    @pytest.mark.parametrize("after", [False, True], ids=["before the agency heard", "after the agency did it"])
    async def test_a_killed_process_leaves_nothing_twice_and_nothing_lost(self, payer: Payer, after: bool) -> None:
        edge = await payer.edge.killed_and_restarted(lambda connector: DiesOnce(self.wrap(connector), after))
        artefact, request = Payer(edge, payer.case).order()
        with pytest.raises(Died):
            await edge.actions.act(request)
        assert edge.upstream.faults.acts == (1 if after else 0)
        risen = Payer(await edge.killed_and_restarted(self.wrap), payer.case)
        await expect_refusal(risen, risen.order()[1], "STATE_CONFLICT", acts=int(after))
        answer = await risen.edge.actions.act(request)
        result = open_result(edge.world.recipient, artefact, request, answer)
        assert result["status"] == "executed"
        assert risen.used(artefact) == edge.upstream.faults.acts == 1
        await risen.edge.close()

    async def test_nothing_is_done_that_was_not_allowed(self, payer: Payer) -> None:
        for code, request in refused_requests(payer):
            await expect_refusal(payer, request, code, acts=0)
        # The same world does act on a good request, so it was the spoiling that was refused.
        await payer.edge.actions.act(payer.order()[1])

    async def test_a_revoked_or_used_up_consent_does_nothing(self, payer: Payer) -> None:
        artefact, request = payer.order()
        await payer.edge.service.learn(Notice(1, artefact.id, NOW))
        await expect_refusal(payer, request, "CONSENT_REVOKED", acts=0)
        parameters = ActionParameters(payer.case.good, os.urandom(32))
        device, artefact = payer.consent(parameters)
        first = payer.edge.act_request(device, artefact, parameters)
        await payer.edge.actions.act(first)
        payer.edge.upstream.faults.takes_twice = True
        await payer.edge.service.learn(Notice(2, artefact.id, NOW))
        # Whoever paid may ask for the receipt again whatever happened since.
        await payer.edge.actions.act(first)
        assert payer.edge.upstream.faults.acts == 1

    async def test_stale_revocations_stop_actions_too(self, payer: Payer) -> None:
        payer.edge.world.clock.advance(timedelta(seconds=31))
        await expect_refusal(payer, payer.order()[1], "REVOCATIONS_STALE", acts=0)

    async def test_a_receipt_stays_available_for_a_month_and_the_deed_known_for_ever(self, payer: Payer) -> None:
        _, request = payer.order(valid_until=NOW + timedelta(days=60))
        await payer.edge.actions.act(request)
        payer.edge.world.clock.advance(timedelta(days=31))
        payer.edge.copy.confirm(payer.edge.world.clock.now())
        assert await payer.edge.actions.forget_answers() == 1
        await expect_refusal(payer, request, "REPLAYED_REQUEST", acts=1)
        _, second = payer.order(valid_until=NOW + timedelta(days=60))
        await expect_refusal(payer, second, "ALREADY_EXISTS", acts=1)

    async def test_nothing_personal_and_no_parameter_is_logged(
        self, payer: Payer, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("DEBUG")
        shown = []
        for fault in (*OPEN_ENDS, Fault.REFUSES, Fault.TELLS, None):
            payer.edge.upstream.faults.active = fault
            try:
                await payer.edge.actions.act(payer.order()[1])
            except HuilianError as error:
                shown += [str(error), repr(error), error.detail]
        text = caplog.text + "".join(shown) + "".join(str(record.__dict__) for record in caplog.records)
        person = payer.case.person
        values = [str(value) for value in payer.case.good.values() if isinstance(value, str)]
        for private in (person.name, person.resident_id, *values):
            assert private not in text


def refused_requests(payer: Payer) -> list[tuple[str, ActRequest]]:
    """Requests that nobody allowed, each with the code of its refusal."""
    edge, case = payer.edge, payer.case
    parameters = ActionParameters(case.good, os.urandom(32))
    device, artefact = payer.consent(parameters)
    good, grant = edge.act_request(device, artefact, parameters), artefact.actions[0]
    agency, key = edge.upstream.manifest.agency_id, edge.service.keys.sealing.public
    other = next(person for person in population().values() if person != case.person)
    stranger = edge.world.device(other)

    other_deed = replace(artefact, actions=(replace(grant, id="other.deed/v1"),))

    def under(**changes: Any) -> ActRequest:
        return edge.act_request(device, replace(artefact, **changes), parameters)

    def with_parameters(values: ActionParameters, request_id: str = good.request_id, consent: Any = artefact) -> Any:
        sealed = seal_parameters(consent, values, case.action, agency, request_id, key)
        return replace(good, sealed_parameters=sealed)

    forged = parse_json(good.signed_consent)
    forged["artefact"]["actions"][0]["max_amount_fen"] += 1
    spec = edge.upstream.manifest.action(case.action)
    assert spec is not None
    refused = [
        ("ACTION_NOT_GRANTED", with_parameters(ActionParameters(case.bad, parameters.salt))),
        ("ACTION_NOT_GRANTED", with_parameters(replace(parameters, salt=os.urandom(32)))),
        ("ACTION_NOT_GRANTED", replace(good, signed_consent=edge.world.consent(device, other_deed).to_bytes())),
        ("LIMIT_EXCEEDED", under(actions=(replace(grant, max_amount_fen=payer.amount_fen(parameters) - 1),))),
        ("INVALID_ARGUMENT", with_parameters(replace(parameters, values={**case.good, "more": 1}))),
        ("SEALED_DATA_INVALID", with_parameters(parameters, request_id="action-of-yesterday")),
        ("SEALED_DATA_INVALID", with_parameters(parameters, consent=replace(artefact, id="consent-of-yesterday"))),
        ("SEALED_DATA_INVALID", replace(good, sealed_subject=good.sealed_parameters)),
        ("SUBJECT_MISMATCH", replace(good, sealed_subject=_seal_as(stranger, device, artefact, agency, key))),
        ("NOT_FOUND", replace(good, action_id="no.such_action/v1")),
        ("PURPOSE_LIMIT_EXCEEDED", under(purpose=Purpose("LOAN_APPLICATION", "贷款"))),
        ("RECIPIENT_KEY_MISMATCH", replace(good, recipient_public_key=generate_keypair(Suite.XWING).public)),
        ("RECIPIENT_KEY_MISMATCH", under(recipient=replace(artefact.recipient, suite=Suite.X25519))),
        ("CONSENT_EXPIRED", under(valid_from=NOW - timedelta(days=2), valid_until=NOW)),
        ("CONSENT_NOT_YET_VALID", under(valid_from=NOW + timedelta(seconds=1))),
        ("ARTEFACT_TAMPERED", replace(good, signed_consent=canonicalise(forged))),
        ("ARTEFACT_INVALID", replace(good, signed_consent=b"{}")),
    ]
    if spec.needs_exact_consent:
        refused.append(("ACTION_NOT_GRANTED", under(actions=(replace(grant, parameters_commitment=None),))))
    return refused


def _seal_as(stranger: Device, device: Device, artefact: Artefact, agency: str, key: bytes) -> bytes:
    return seal_subject(replace(stranger, subject=device.subject), artefact, agency, key)


async def expect_refusal(payer: Payer, request: ActRequest, code: str, acts: int) -> None:
    """Assert the refusal's code, and that the agency has done exactly `acts` things by then."""
    with pytest.raises(HuilianError) as refusal:
        await payer.edge.actions.act(request)
    assert refusal.value.code == code
    assert payer.edge.upstream.faults.acts == acts
