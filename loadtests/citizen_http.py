"""The citizen journey through the REST face: consent, my data, a flash loan, payoff, who read it, take back."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from huilian_protocol.canonical import b64u_decode
from huilian_protocol.clock import SandboxClock, format_time
from huilian_sdk import SoftwareAuthenticator
from locust import HttpUser, between, task

from loadtests.grpc_user import RENEW_S, new_id
from loadtests.scenario import FIELDS, LAST_MONTHS, months_before
from loadtests.site import LoadSite, next_person

AMOUNT_FEN, TERM_DAYS = 500_000, 90


class Refused(Exception):
    """A request that was refused; its text is the catalogue code."""


class CitizenHttp(HttpUser):
    """One person with one phone."""

    host = "from-site"
    wait_time = between(0.1, 0.5)

    def __init__(self, environment: Any) -> None:
        self.site = LoadSite.running()
        self.host = self.site.api
        super().__init__(environment)  # type: ignore[no-untyped-call]  # locust's own is untyped
        self.client.verify = str(self.site.ca)
        self.token, self._renew_at = "", math.inf

    def on_start(self) -> None:
        """Register, sign in, walk the journey once."""
        self.someone = next_person()
        self.device = SoftwareAuthenticator.generate(rp_id=self.site.trust.rp_id, origin=self.site.trust.origin)
        identity = {"name": self.someone.name, "resident_id": self.someone.resident_id}
        registered = self.post("/persons", {**identity, "device_public_jwk": self.device.public_jwk})
        self.subject = registered["subject"]
        self.identity = {**identity, "salt": registered["salt"]}
        self._sign_in()
        self.consent_and_loan()

    def _sign_in(self) -> None:
        self.token, self._renew_at = "", math.inf
        challenge = self.post("/login/challenges")["challenge"]
        login = {"subject": self.subject, "challenge": challenge, "assertion": self._signed(challenge)}
        self.token, self._renew_at = self.post("/login/device", login)["access_token"], time.monotonic() + RENEW_S

    @task(1)
    def consent_and_loan(self) -> None:
        """The whole of it; a rejection is an answer, not a failure."""
        consent_id = self._grant()
        one = f"/consents/{consent_id}"
        self.post(f"{one}/preview", name="/consents/[id]/preview")
        application = {
            "application_id": new_id(),
            "consent_id": consent_id,
            "amount_fen": AMOUNT_FEN,
            "term_days": TERM_DAYS,
        }
        offer = self.post("/flash-loans", application)
        if offer["state"] == "OFFERED":
            self._borrow_and_repay(offer)
        self.post(f"{one}/revocation", name="/consents/[id]/revocation")

    @task(3)
    def look_at_accesses(self) -> None:
        """Who read my data."""
        self.get("/accesses")

    @task(3)
    def look_at_consents(self) -> None:
        """What I allowed."""
        self.get("/consents")

    def get(self, path: str, name: str = "") -> Any:
        """One measured GET."""
        return self._request("GET", path, None, name)

    def post(self, path: str, body: Any = None, name: str = "") -> Any:
        """One measured POST under a fresh key."""
        return self._request("POST", path, body, name)

    def _request(self, method: str, path: str, body: Any, name: str) -> Any:
        if time.monotonic() >= self._renew_at:
            self._sign_in()
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if method == "POST":
            headers["Idempotency-Key"] = new_id()
        with self.client.request(
            method, f"/api/v1{path}", json=body, headers=headers, name=name or path, catch_response=True
        ) as response:
            answer = response.json() if response.content else {}
            if response.status_code >= 400:
                response.failure(answer.get("code", str(response.status_code)))
                raise Refused(answer.get("code", ""))
            return answer

    def _signed(self, challenge: str) -> dict[str, str]:
        return self.device.sign(b64u_decode(challenge)).to_dict()

    def _grant(self) -> str:
        consent_id, now = new_id(), self._now()
        first, last = months_before(now, LAST_MONTHS)
        scopes = [
            {"dataset_id": dataset, "fields": fields, "from_month": first, "to_month": last}
            for dataset, fields in FIELDS.items()
        ]
        form = {
            "consent_id": consent_id,
            "purpose_code": "LOAN_APPLICATION",
            "recipient_id": "bank.lending",
            "datasets": scopes,
            "max_reads": 3,
            "data_life_days": 30,
            "valid_until": format_time(now + timedelta(days=30)),
        }
        prepared = self.post("/consents", form)
        one = f"/consents/{consent_id}"
        to_seal = {"artefact": prepared["artefact"], "identity": self.identity}
        sealed = self.post(f"{one}/sealed-subjects", to_seal, name="/consents/[id]/sealed-subjects")
        granting = {
            "artefact": prepared["artefact"],
            "assertion": self._signed(prepared["challenge"]),
            "sealed_subjects": sealed["sealed_subjects"],
        }
        self.post(f"{one}/grant", granting, name="/consents/[id]/grant")
        return consent_id

    def _borrow_and_repay(self, offer: dict[str, Any]) -> None:
        signing = {"assertion": self._signed(offer["contract_challenge"])}
        path = f"/flash-loans/{offer['application_id']}/signature"
        loan_id = self.post(path, signing, name="/flash-loans/[id]/signature")["loan_id"]
        self.post(f"/loans/{loan_id}/repayments", {"amount_fen": AMOUNT_FEN // 10}, name="/loans/[id]/repayments")
        payoff = self.get(f"/loans/{loan_id}/payoff", name="/loans/[id]/payoff")
        self.post(f"/loans/{loan_id}/repayments", {"amount_fen": payoff["total_fen"]}, name="/loans/[id]/repayments")

    def _now(self) -> datetime:
        return SandboxClock(self.site.folder / "clock.json").now().astimezone(UTC)
