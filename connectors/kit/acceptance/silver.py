"""Silver: failures are told apart and cost nothing, repetitions ask once, secrets stay secret, promises are kept."""

from __future__ import annotations

import asyncio
import traceback

import pytest
from huilian_protocol.errors import HuilianError

from connectors.kit.acceptance.bronze import BronzeAcceptance
from connectors.kit.acceptance.cases import DatasetCase
from connectors.kit.acceptance.edge import Edge
from connectors.kit.compatibility import breaks_of, folder_of
from connectors.kit.contract import CheckOutcome
from connectors.kit.manifest import Tier
from connectors.kit.sandbox_server import Fault

FAULT_CODES = {
    Fault.DOWN: "PROVIDER_UNAVAILABLE",
    Fault.REFUSES: "PROVIDER_UNAVAILABLE",
    Fault.SLOW: "PROVIDER_TIMEOUT",
    Fault.STALLED: "PROVIDER_TIMEOUT",
    Fault.CUT: "PROVIDER_FAULT",
    Fault.GARBAGE: "PROVIDER_FAULT",
    Fault.HUGE: "PROVIDER_FAULT",
    Fault.WRONG_PERSON: "PROVIDER_FAULT",
    Fault.BROKEN_SCHEMA: "PROVIDER_FAULT",
    Fault.TELLS: "PROVIDER_UNAVAILABLE",
}
FAULT_OUTCOMES = {
    Fault.DOWN: CheckOutcome.RETRY,
    Fault.SLOW: CheckOutcome.RETRY,
    Fault.REFUSES: CheckOutcome.REAUTHENTICATE,
    Fault.GARBAGE: CheckOutcome.GIVE_UP,
}


class SilverAcceptance(BronzeAcceptance):
    """Inherit as `BronzeAcceptance`, beside `ConsentRefusals`."""

    tier: Tier = "silver"

    @pytest.mark.parametrize("fault", FAULT_OUTCOMES, ids=lambda fault: fault.value)
    async def test_check_says_what_to_do(self, edge: Edge, fault: Fault) -> None:
        edge.upstream.faults.active = fault
        assert (await edge.service.connector.check()).outcome is FAULT_OUTCOMES[fault]

    @pytest.mark.parametrize("fault", FAULT_CODES, ids=lambda fault: fault.value)
    async def test_failures_are_told_apart_and_cost_nothing(self, edge: Edge, case: DatasetCase, fault: Fault) -> None:
        device, artefact = edge.grant(case.present, case.dataset, max_reads=1)
        edge.upstream.faults.active = fault
        request = edge.request(device, artefact)
        with pytest.raises(HuilianError) as refusal:
            await edge.service.read(request)
        assert refusal.value.code == FAULT_CODES[fault]
        assert edge.store.used_reads(artefact.id, case.dataset) == 0
        edge.upstream.faults.active = None
        await edge.service.read(request)
        assert edge.store.used_reads(artefact.id, case.dataset) == 1

    async def test_a_repeated_request_asks_the_agency_once(self, edge: Edge, case: DatasetCase) -> None:
        device, artefact = edge.grant(case.present, case.dataset)
        request = edge.request(device, artefact)
        together = await asyncio.gather(*(edge.service.read(request) for _ in range(5)))
        assert {await edge.service.read(request), *together} == {together[0]}
        assert edge.upstream.faults.queries == 1
        assert edge.store.used_reads(artefact.id, case.dataset) == 1

    async def test_a_race_gets_exactly_the_granted_reads(self, edge: Edge, case: DatasetCase) -> None:
        device, artefact = edge.grant(case.present, case.dataset, max_reads=3)
        requests = [edge.request(device, artefact) for _ in range(12)]
        outcomes = await asyncio.gather(*map(edge.service.read, requests), return_exceptions=True)
        refusals = [outcome for outcome in outcomes if isinstance(outcome, HuilianError)]
        assert {refusal.code for refusal in refusals} == {"CONSENT_EXHAUSTED"}
        assert len(outcomes) - len(refusals) == 3
        assert edge.upstream.faults.queries == (1 if self.traits.from_a_file else 3)

    async def test_released_schemas_keep_their_promises(self, edge: Edge) -> None:
        assert breaks_of(folder_of(self.package)) == []

    async def test_nothing_personal_and_no_secret_is_logged(
        self, edge: Edge, case: DatasetCase, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
    ) -> None:
        caplog.set_level("DEBUG")
        shown = [repr(edge.upstream.context), repr(edge.service.__dict__), repr(vars(edge.service.connector))]
        for fault in (None, *FAULT_CODES):
            edge.upstream.faults.active = fault
            device, artefact = edge.grant(case.present, case.dataset)
            shown.append((await edge.service.connector.check()).detail)
            try:
                await edge.service.read(edge.request(device, artefact))
            except HuilianError as error:
                # The whole chain: whoever logs an error with its causes must be as safe.
                shown += [*traceback.format_exception(error), *map(repr, _chain(error)), error.detail]
        output = capsys.readouterr()
        text = caplog.text + output.out + output.err + "".join(shown)
        text += "".join(str(record.__dict__) for record in caplog.records)
        for private in (case.present.name, case.present.resident_id, *_secrets(edge)):
            assert private not in text


def _chain(error: BaseException | None) -> list[BaseException]:
    """An error with everything it came from."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _secrets(edge: Edge) -> list[str]:
    credentials = edge.upstream.context.credentials
    return [value for name, value in vars(credentials)["_values"].items() if "id" not in name]
