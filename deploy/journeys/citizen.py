"""The citizen journey through the REST interface: one consent, a flash loan, every access in the person's own hands."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import grpc
from huilian.common.v1 import common_pb2
from huilian.connector.v1 import connector_service_pb2 as connector_pb
from huilian.connector.v1 import connector_service_pb2_grpc
from huilian_protocol.artefact import parse_artefact
from huilian_protocol.canonical import b64u_decode
from huilian_protocol.sealing import Suite, generate_keypair
from huilian_protocol.status import from_rpc_error

from connectors.kit.sandbox_people import DEMO_BORROWER
from deploy.journeys.parties import operator_of
from deploy.journeys.phone import Phone
from deploy.journeys.step import Step, Unexpected, refused, until
from deploy.site import HubPlace, Site

CONSENT_ID = "consent-flash-0001"
APPLICATION_ID = "flash-loan-0001"
LOAN_FEN = 3_000_000
PART_FEN = 1_000_000
MALFORMED_RESIDENT_ID = "110105199005170000"
DATASETS = {
    "housing_fund.account/v1": ["account_status", "base_fen", "deposit_months", "monthly_deposit_fen"],
    "tax.personal_income/v1": ["annual_income_fen", "income_months", "tax_paid_fen"],
    "social_insurance.contribution/v1": ["base_fen", "consecutive_months", "participation_status"],
}
EDGE = "housing_fund"


class CitizenJourney(Phone):
    """The borrower's phone."""

    def __init__(self, site: Site, hub: HubPlace, receipts: Path) -> None:
        super().__init__(site, hub, receipts, DEMO_BORROWER)
        self._loan_id = ""
        self._draft: dict[str, Any] = {}
        self._sealed: dict[str, str] = {}
        self._offer: dict[str, Any] = {}

    def steps(self) -> list[Step]:
        """The journey in order."""
        return [
            Step("malformed-id", "身份证号校验位错误被拒 malformed resident ID refused", self._malformed),
            Step("register", "实名注册并绑定设备密钥 registered, device key bound", self._register),
            Step("login", "设备密钥登录 signed in by passkey", self._login),
            Step("draft-consent", "起草授权书 consent drafted", self._draft_consent),
            Step("pinned-keys", "冒充机构的公钥被拒 a key that is no agency's is refused", self._pinned_keys),
            Step("grant-consent", "设备密钥签署授权 consent signed and granted", self._grant),
            Step("see-data", "查看三家数据 the data of three agencies", self._see_data),
            Step("apply", "申请闪电贷 decision with reasons", self._apply),
            Step("sign", "签约放款 contract signed, disbursed", self._sign),
            Step("repay-part", "部分还款 part repaid", self._repay),
            Step("exact-payoff", "结清金额 exact payoff", self._payoff),
            Step("accesses", "每次访问及其证明 every access with its proof", self._accesses),
            Step("consent-file", "授权书与回执 consent file and receipt", self._consent_file),
            Step("revoke", "撤回授权 revoked", self._revoke),
            Step("hub-refuses", "撤回后中枢拒绝 refused by the hub", self._hub_refuses),
            Step("edge-refuses", "撤回后机构侧自行拒绝 refused by the edge itself", self._edge_refuses),
            Step("refusal-recorded", "拒绝也留痕 the refusal is on record", self._refusal_recorded),
        ]

    # --- who I am

    async def _malformed(self) -> Any:
        attempt = self._post("/persons", "register-malformed", self._person(MALFORMED_RESIDENT_ID))
        return await refused(attempt, "RESIDENT_ID_MALFORMED")

    # --- consent

    async def _draft_consent(self) -> Any:
        now = self._clock.now()
        months = {"from_month": f"{now.year - 2}-{now.month:02d}", "to_month": f"{now:%Y-%m}"}
        scopes = [{"dataset_id": name, "fields": fields, **months} for name, fields in DATASETS.items()]
        wanted = {
            "consent_id": CONSENT_ID,
            "purpose_code": "LOAN_APPLICATION",
            "recipient_id": "bank.lending",
            "datasets": scopes,
            "max_reads": 6,
            "data_life_days": 90,
            "valid_until": (now + dt.timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        self._draft = await self._post("/consents", "draft-consent-1", wanted)
        return json.loads(b64u_decode(self._draft["artefact"]))

    async def _pinned_keys(self) -> Any:
        """What a hub that was taken over would do: offer a key of its own in an agency's place."""

        async def fooled() -> Any:
            offered = {**await self._offered(), EDGE: (Suite.XWING, generate_keypair(Suite.XWING).public)}
            return self._seal(CONSENT_ID, offered)

        return await refused(fooled(), "KEY_NOT_PINNED")

    async def _grant(self) -> Any:
        one, artefact = f"/consents/{CONSENT_ID}", self._draft["artefact"]
        self._sealed = self._seal(CONSENT_ID, await self._offered())
        signed = self._sign_with_device(self._draft["challenge"])
        grant = {"artefact": artefact, "assertion": signed, "sealed_subjects": self._sealed}
        return await self._post(f"{one}/grant", "grant-consent-1", grant)

    async def _offered(self) -> dict[str, tuple[Suite, bytes]]:
        keys = await self._agency_keys()
        return {name: keys[name] for name in self._draft["agency_ids"]}

    async def _see_data(self) -> Any:
        seen = await self._post(f"/consents/{CONSENT_ID}/preview", "preview-data-1", None)
        missing = [item for item in seen["items"] if item["status"] != "present"]
        if missing or len(seen["items"]) != len(DATASETS):
            raise Unexpected(f"not everything is there: {missing}")
        for item in seen["items"]:
            if sorted(item["data"]) != sorted(DATASETS[item["dataset_id"]]):
                raise Unexpected(f"other fields than granted: {sorted(item['data'])}")
        return seen

    # --- money

    async def _apply(self) -> Any:
        wanted = {"application_id": APPLICATION_ID, "consent_id": CONSENT_ID, "amount_fen": LOAN_FEN, "term_days": 90}
        self._offer = await self._post("/flash-loans", "apply-flash-loan-1", wanted)
        if self._offer["state"] != "OFFERED":
            raise Unexpected(f"no offer: {self._offer['reasons']}")
        return self._offer

    async def _sign(self) -> Any:
        signature = {"assertion": self._sign_with_device(self._offer["contract_challenge"])}
        await self._post(f"/flash-loans/{APPLICATION_ID}/signature", "sign-flash-loan-1", signature)

        async def look() -> dict[str, Any] | None:
            application = await self._get(f"/flash-loans/{APPLICATION_ID}")
            return application if application["state"] == "DISBURSED" else None

        disbursed = await until(look, "the loan to be disbursed")
        self._loan_id = disbursed["loan_id"]
        return disbursed

    async def _repay(self) -> Any:
        loan = await self._post(f"/loans/{self._loan_id}/repayments", "repay-part-1", {"amount_fen": PART_FEN})
        if loan["outstanding_principal_fen"] > LOAN_FEN - PART_FEN + loan["accrued_interest_fen"] + PART_FEN // 100:
            raise Unexpected(f"the repayment did not reduce the loan: {loan}")
        return loan

    async def _payoff(self) -> Any:
        """The payoff on a later day must be what the loan's own figures say, to the fen."""
        today = await self._get(f"/loans/{self._loan_id}/payoff")
        later_day = (self._clock.now() + dt.timedelta(days=30)).date().isoformat()
        later = await self._get(f"/loans/{self._loan_id}/payoff?as_of={later_day}")
        loan = await self._get(f"/loans/{self._loan_id}")
        if today["principal_fen"] != loan["outstanding_principal_fen"] or later["total_fen"] <= today["total_fen"]:
            raise Unexpected(f"payoff and loan differ: {today} {later} {loan}")
        return {"today": today, "in_30_days": later}

    # --- who read my data

    async def _accesses(self) -> Any:
        accesses = (await self._get("/accesses"))["accesses"]
        delivered = [one for one in accesses if one["outcome"] == "DELIVERED"]
        if {one["dataset_id"] for one in delivered} != set(DATASETS):
            raise Unexpected(f"not every read is listed: {accesses}")
        for one in delivered:
            await self._keep_receipt(one["access_record_id"], f"access-{one['dataset_id'].split('.')[0]}")
        return accesses

    async def _consent_file(self) -> Any:
        signed = await self._download(f"/consents/{CONSENT_ID}/file")
        (self._receipts / "consent.json").write_bytes(signed)
        consent = await self._get(f"/consents/{CONSENT_ID}")
        await self._keep_receipt(consent["grant_record_id"], "consent-granted")
        return consent

    async def _revoke(self) -> Any:
        revoked = await self._post(f"/consents/{CONSENT_ID}/revocation", "revoke-consent-1", None)
        if revoked["state"] != "REVOKED":
            raise Unexpected(f"state is {revoked['state']}")
        await self._keep_receipt(revoked["revocation_record_id"], "consent-revoked")
        return revoked

    async def _hub_refuses(self) -> Any:
        again = self._post(f"/consents/{CONSENT_ID}/preview", "preview-data-2", None)
        return await refused(again, "CONSENT_REVOKED")

    async def _edge_refuses(self) -> Any:
        """What a hub that was taken over would do: forward the read with its own certificate and the real consent."""
        consent = (self._receipts / "consent.json").read_bytes()
        files = self._site.pki.issue(self._hub.certificate)
        credentials = grpc.ssl_channel_credentials(
            files.ca.read_bytes(), files.key.read_bytes(), files.certificate.read_bytes()
        )
        async with grpc.aio.secure_channel(f"127.0.0.1:{self._site.port(EDGE)}", credentials) as channel:
            stub = connector_service_pb2_grpc.ConnectorServiceStub(channel)

            async def forward() -> Any:
                try:
                    return await stub.Read(await self._forwarded(consent), timeout=10)
                except grpc.RpcError as error:
                    raise from_rpc_error(error) from error

            return {**await refused(forward(), "CONSENT_REVOKED"), "refused_by": f"edge of {EDGE}"}

    async def _forwarded(self, consent: bytes) -> connector_pb.ReadRequest:
        artefact = parse_artefact(b64u_decode(self._draft["artefact"]))
        grant = next(grant for grant in artefact.datasets if grant.id.startswith(EDGE))
        return connector_pb.ReadRequest(
            request_id="forwarded-by-a-bad-hub",
            signed_consent=consent,
            dataset_id=grant.id,
            fields=list(grant.fields),
            period=common_pb2.MonthPeriod(from_month=grant.period.from_month, to_month=grant.period.to_month),
            sealed_subject=b64u_decode(self._sealed[EDGE]),
            recipient_public_key=await self._recipient_key(),
        )

    async def _recipient_key(self) -> bytes:
        async with operator_of(self._site, self._hub) as operator:
            keys = await operator.identity.key_set()
        return next(key.public_key for key in keys.sealing_keys if key.party_id == "bank.lending")

    async def _refusal_recorded(self) -> Any:
        accesses = (await self._get("/accesses"))["accesses"]
        refusals = [one for one in accesses if one["outcome"] == "CONSENT_REVOKED"]
        if not refusals:
            raise Unexpected(f"the refusal is not listed: {accesses}")
        await self._keep_receipt(refusals[0]["access_record_id"], "access-refused")
        return refusals
