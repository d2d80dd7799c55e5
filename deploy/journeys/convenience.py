"""The convenience journey: all data owners' records, a fine and a bill paid, the card shown."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

from huilian_protocol.action import ActionParameters, commit_parameters
from huilian_protocol.artefact import parse_artefact
from huilian_protocol.canonical import b64u_decode, b64u_encode

from connectors.gov_data.social_insurance.card_code import CODE_LIFE, card_public_key, check_card
from connectors.kit.sandbox_people import first_of_kind
from deploy.journeys.parties import operator_of
from deploy.journeys.phone import Phone
from deploy.journeys.step import Step, Unexpected, refused
from deploy.site import AGENCIES, HubPlace, Site

OPENING_FEN = 1_000_000
SEE_ALL = "consent-see-all-0001"
CARD, FINES, BILLS = "social_insurance.card/v1", "traffic_police.violation/v1", "utilities.bill/v1"
PAY_FINE, PAY_BILL = "traffic_police.pay_fine/v1", "utilities.pay_bill/v1"
SCREENS = {
    "court_enforcement.record/v1": "court-cases",
    "credit_bureau.report/v1": "credit-report",
    FINES: "fines",
    CARD: "social-card",
    BILLS: "utility-bills",
}


class ConvenienceJourney(Phone):
    """The phone of somebody in arrears."""

    def __init__(self, site: Site, hub: HubPlace, receipts: Path) -> None:
        super().__init__(site, hub, receipts, first_of_kind("arrears"))
        self._seen: dict[str, dict[str, Any]] = {}
        self._orders: dict[str, dict[str, str]] = {}
        self._balance_fen = 0

    def steps(self) -> list[Step]:
        """The journey in order."""
        return [
            Step("zone-register", "欠费人注册登录 somebody in arrears registers", self._enter),
            Step("zone-consent", "授权查看七家机构 consent to see seven agencies", self._consent),
            Step("zone-see-all", "查看全部记录 every record seen", self._see_all),
            Step("show-card", "电子社保卡扫码离线核验 the card's code checked offline", self._show_card),
            Step("pay-fine", "缴纳一笔罚款 a fine paid", self._pay_fine),
            Step("pay-fine-again", "重复缴款不再扣款 paid once only", self._pay_fine_again),
            Step("pay-bill", "缴纳一笔水电费 a bill paid", self._pay_bill),
            Step("payments-proved", "缴费记录与证明 payments and their proof", self._proved),
        ]

    async def _enter(self) -> Any:
        await self._register()
        async with operator_of(self._site, self._hub) as operator:
            self._balance_fen = await operator.sandbox.fund(self._subject, OPENING_FEN)
        return {**await self._login(), "balance_fen": self._balance_fen}

    async def _consent(self) -> Any:
        catalogue, now = await self._get("/catalogue"), self._clock.now()
        months = {"from_month": f"{now.year - 1}-{now.month:02d}", "to_month": f"{now:%Y-%m}"}
        datasets = [
            {"dataset_id": one["dataset_id"], "fields": sorted(field["name"] for field in one["fields"]), **months}
            for one in catalogue["datasets"]
        ]
        if {one["agency_id"] for one in catalogue["datasets"]} != set(AGENCIES) or catalogue["missing_agency_ids"]:
            raise Unexpected(f"not every data owner is there: {catalogue['missing_agency_ids']}")
        return await self._granted(SEE_ALL, "PERSONAL_INQUIRY", datasets=datasets)

    async def _see_all(self) -> Any:
        for dataset, screen in SCREENS.items():
            shown = await self._post(f"/consents/{SEE_ALL}/{screen}", f"see-{screen}-1", None)
            if shown["status"] not in ("present", "no_account") or shown["dataset_id"] != dataset:
                raise Unexpected(f"{dataset} is {shown['status']}")
            self._seen[dataset] = shown["data"]
        if not self._seen[FINES] or not self._seen[BILLS]:
            raise Unexpected("somebody in arrears has fines and bills")
        return {dataset: sorted(data) for dataset, data in self._seen.items()}

    async def _show_card(self) -> Any:
        """A pharmacy scans the code: it knows the administration's public key and needs nobody else."""
        code, key = self._seen[CARD]["qr_code"], card_public_key(self._site.agency_secrets("social_insurance"))
        now = self._clock.now()
        card = check_card(code, key, now)
        refusals = []
        for spoiled, at in ((code[:-2] + ("AA" if code[-2:] != "AA" else "BB"), now), (code, now + CODE_LIFE * 2)):
            try:
                check_card(spoiled, key, at)
            except ValueError as error:
                refusals.append(str(error))
        if len(refusals) != 2 or self._seen[CARD]["card_number"] == "" or "****" not in self._seen[CARD]["card_number"]:
            raise Unexpected("a card that is spoiled, late or shown in full was taken")
        return {"status": card.status, "valid_until": card.valid_until.isoformat(), "refused": refusals}

    async def _pay_fine(self) -> Any:
        fine = next(one for one in self._seen[FINES]["violations"] if not one["is_paid"])
        amount_fen = fine["fine_fen"] + fine["added_fen"]
        paid = await self._pay("fine", PAY_FINE, {"amount_fen": amount_fen, "decision_number": fine["decision_number"]})
        return await self._check(paid, amount_fen)

    async def _pay_fine_again(self) -> Any:
        """The same order is answered by the first payment; another order for the same fine is refused."""
        fine = next(one for one in self._seen[FINES]["violations"] if not one["is_paid"])
        amount_fen = fine["fine_fen"] + fine["added_fen"]
        again = await self._post("/payments", "pay-fine-0001", self._orders["fine"])
        await self._check(again, 0)
        wanted = {"amount_fen": amount_fen, "decision_number": fine["decision_number"]}
        refusal = await refused(self._pay("fine-twice", PAY_FINE, wanted), "ALREADY_EXISTS")
        await self._check(again, 0)
        return {"repeated": again, "another_order": refusal}

    async def _pay_bill(self) -> Any:
        bill = next(one for one in self._seen[BILLS]["bills"] if one["status"] != "PAID")
        wanted = {"amount_fen": bill["amount_fen"], "bill_number": bill["bill_number"]}
        return await self._check(await self._pay("bill", PAY_BILL, wanted), bill["amount_fen"])

    async def _proved(self) -> Any:
        payments = (await self._get("/payments"))["payments"]
        actions = [one for one in (await self._get("/accesses"))["accesses"] if one["action_id"]]
        executed = [one for one in actions if one["outcome"] == "EXECUTED"]
        if len(executed) != 2 or sum(one["state"] == "PAID" for one in payments) != 2:
            raise Unexpected(f"two payments and their records: {payments} {actions}")
        for number, one in enumerate(executed):
            await self._keep_receipt(one["access_record_id"], f"action-{number + 1}")
        return {"payments": payments, "actions": actions}

    async def _check(self, payment: dict[str, Any], amount_fen: int) -> Any:
        """The account fell by exactly what was paid."""
        async with operator_of(self._site, self._hub) as operator:
            balance_fen = await operator.sandbox.balance(self._subject)
        if payment["state"] != "PAID" or self._balance_fen - balance_fen != amount_fen:
            raise Unexpected(f"{payment} moved {self._balance_fen - balance_fen} fen instead of {amount_fen}")
        self._balance_fen = balance_fen
        return {**payment, "balance_fen": balance_fen}

    async def _pay(self, name: str, action: str, wanted: dict[str, Any]) -> Any:
        parameters, consent_id = ActionParameters(wanted, os.urandom(32)), f"consent-pay-{name}-0001"
        grant = {
            "action_id": action,
            "max_uses": 1,
            "max_amount_fen": wanted["amount_fen"],
            "parameters_commitment": commit_parameters(parameters),
        }
        await self._granted(consent_id, "PUBLIC_PAYMENT", actions=[grant])
        agency, request_id = action.partition(".")[0], f"pay-{name}-0001"
        suite, key = (await self._agency_keys())[agency]
        sealed = self._me().seal_parameters(
            parameters,
            key,
            suite=suite,
            action=action,
            agency=agency,
            consent_id=consent_id,
            subject=self._subject,
            request_id=request_id,
            trust=self._trust,
        )
        order = {"consent_id": consent_id, "action_id": action, "sealed_parameters": b64u_encode(sealed)}
        self._orders[name] = order
        return await self._post("/payments", request_id, order)

    async def _granted(self, consent_id: str, purpose: str, **what: Any) -> Any:
        wanted = {
            "consent_id": consent_id,
            "purpose_code": purpose,
            "recipient_id": "bank.convenience",
            "max_reads": 5,
            "data_life_days": 1,
            "valid_until": (self._clock.now() + dt.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            **what,
        }
        draft = await self._post("/consents", f"draft-{consent_id}", wanted)
        keys = await self._agency_keys()
        sealed = self._seal(consent_id, {name: keys[name] for name in draft["agency_ids"]})
        if parse_artefact(b64u_decode(draft["artefact"])).subject != self._subject:
            raise Unexpected("the artefact is about somebody else")
        signed = {
            "artefact": draft["artefact"],
            "assertion": self._sign_with_device(draft["challenge"]),
            "sealed_subjects": sealed,
        }
        return await self._post(f"/consents/{consent_id}/grant", f"grant-{consent_id}", signed)
