"""The supplier's screens."""

from __future__ import annotations

from huilian.common.v1 import common_pb2
from huilian.identity.v1 import identity_service_pb2 as identity_pb
from huilian.lending.v1 import financing_service_pb2 as financing_pb
from huilian.receivables.v1 import certificate_service_pb2 as certificate_pb
from huilian.receivables.v1 import receivable_service_pb2 as receivable_pb

from tests.unit.mini_program_api.conftest import KEY, Api

RECEIVABLES = "huilian.receivables.v1.ReceivableService"
CERTIFICATES = "huilian.receivables.v1.CertificateService"
FINANCING = "huilian.lending.v1.FinancingService"


def money(amount_fen: int) -> common_pb2.Money:
    return common_pb2.Money(amount_fen=amount_fen, currency="CNY")


HELD = certificate_pb.ReceivableCertificate(
    certificate_id="certificate-1", state=certificate_pb.CERTIFICATE_STATE_HELD, amount=money(80_000_00)
)


async def test_an_enterprise_signs_in_by_its_assertion(api: Api) -> None:
    token = identity_pb.IssueTokenResponse(access_token="jwt", subject="91350100M000100Y43")
    api.hub.on("huilian.identity.v1.TokenService/IssueToken", token)
    status, shown = await api.post("/login/client", {"client_assertion": "a.b.c"}, token="", key=None)
    assert (status, shown["access_token"]) == (200, "jwt")
    assert api.hub.asked[-1].request.client_assertion == "a.b.c"


async def test_receivables_with_the_reason_why_one_does_not_match(api: Api) -> None:
    draft = receivable_pb.Receivable(
        receivable_id="receivable-1",
        state=receivable_pb.RECEIVABLE_STATE_DRAFT,
        amount=money(100),
        reasons=[common_pb2.Reason(code="QUANTITY", text_zh="数量不符", text_en="Quantity differs")],
    )
    api.hub.on(f"{RECEIVABLES}/ListReceivables", receivable_pb.ListReceivablesResponse(receivables=[draft]))
    api.hub.on(f"{RECEIVABLES}/GetReceivable", receivable_pb.GetReceivableResponse(receivable=draft))
    _, listed = await api.get("/receivables")
    _, one = await api.get("/receivables/receivable-1")
    assert listed["receivables"] == [one]
    assert (one["state"], one["amount_fen"], one["reasons"][0]["code"]) == ("DRAFT", 100, "QUANTITY")


async def test_accepting_splitting_and_passing_on(api: Api) -> None:
    api.hub.on(f"{CERTIFICATES}/ListCertificates", certificate_pb.ListCertificatesResponse(certificates=[HELD]))
    api.hub.on(f"{CERTIFICATES}/GetCertificate", certificate_pb.GetCertificateResponse(certificate=HELD))
    api.hub.on(f"{CERTIFICATES}/AcceptCertificate", certificate_pb.AcceptCertificateResponse(certificate=HELD))
    api.hub.on(f"{CERTIFICATES}/RefuseCertificate", certificate_pb.RefuseCertificateResponse(certificate=HELD))
    api.hub.on(f"{CERTIFICATES}/SplitCertificate", certificate_pb.SplitCertificateResponse(certificates=[HELD, HELD]))
    api.hub.on(f"{CERTIFICATES}/TransferCertificate", certificate_pb.TransferCertificateResponse(certificate=HELD))
    _, one = await api.get("/certificates/certificate-1")
    assert (await api.get("/certificates"))[1]["certificates"] == [one] and one["amount_fen"] == 80_000_00
    assert (await api.post("/certificates/certificate-1/acceptance"))[1] == one
    assert (await api.post("/certificates/certificate-1/refusal"))[1] == one
    parts = [{"certificate_id": f"certificate-{name}", "amount_fen": 40_000_00} for name in "ab"]
    _, split = await api.post("/certificates/certificate-1/split", {"parts": parts})
    assert len(split["certificates"]) == 2
    assert [part.amount_fen for part in api.hub.asked[-1].request.parts] == [40_000_00, 40_000_00]
    form = {"receiver_uscc": "91350100M000100Y43", "new_certificate_id": "certificate-n"}
    await api.post("/certificates/certificate-1/transfer", form)
    sent = api.hub.asked[-1].request
    assert (sent.receiver_uscc, sent.new_certificate_id, sent.request_id) == (*form.values(), KEY)


async def test_quote_apply_accept_withdraw(api: Api) -> None:
    quote = financing_pb.Quote(principal=money(100), fee=money(1), apr="0.0500", annual_rate="0.0435")
    financing = financing_pb.Financing(
        financing_id="financing-1", state=financing_pb.FINANCING_STATE_OFFERED, quote=quote
    )
    api.hub.on(f"{FINANCING}/QuoteFinancing", financing_pb.QuoteFinancingResponse(quote=quote))
    api.hub.on(f"{FINANCING}/ApplyForFinancing", financing_pb.ApplyForFinancingResponse(financing=financing))
    api.hub.on(f"{FINANCING}/AcceptFinancing", financing_pb.AcceptFinancingResponse(financing=financing))
    api.hub.on(f"{FINANCING}/WithdrawFinancing", financing_pb.WithdrawFinancingResponse(financing=financing))
    api.hub.on(f"{FINANCING}/GetFinancing", financing_pb.GetFinancingResponse(financing=financing))
    api.hub.on(f"{FINANCING}/ListFinancings", financing_pb.ListFinancingsResponse(financings=[financing]))
    _, price = await api.get("/certificates/certificate-1/quote")
    assert (price["principal_fen"], price["fee_fen"], price["apr"]) == (100, 1, "0.0500")
    form = {"financing_id": "financing-1", "certificate_id": "certificate-1"}
    status, made = await api.post("/financings", form)
    assert (status, made["state"], made["quote"]) == (201, "OFFERED", price)
    assert api.hub.asked[-1].request.amount_fen == 0
    assert (await api.post("/financings/financing-1/acceptance"))[1] == made
    assert (await api.post("/financings/financing-1/withdrawal"))[1] == made
    assert (await api.get("/financings/financing-1"))[1] == made
    assert (await api.get("/financings"))[1]["financings"] == [made]
