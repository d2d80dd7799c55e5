"""The supplier's screens."""

from __future__ import annotations

from huilian.common.v1 import common_pb2
from huilian.identity.v1 import identity_service_pb2 as identity_pb
from huilian.lending.v1 import auction_service_pb2 as auction_pb
from huilian.lending.v1 import credit_service_pb2 as credit_pb
from huilian.lending.v1 import dealer_loan_service_pb2 as dealer_pb
from huilian.lending.v1 import document_service_pb2 as document_pb
from huilian.lending.v1 import financing_service_pb2 as financing_pb
from huilian.lending.v1 import order_loan_service_pb2 as order_pb
from huilian.receivables.v1 import certificate_service_pb2 as certificate_pb
from huilian.receivables.v1 import freeze_service_pb2 as freeze_pb
from huilian.receivables.v1 import receivable_service_pb2 as receivable_pb
from huilian.receivables.v1 import sales_service_pb2 as sales_pb

from tests.unit.mini_program_api.conftest import KEY, Api

RECEIVABLES = "huilian.receivables.v1.ReceivableService"
FREEZES = "huilian.receivables.v1.FreezeService"
CERTIFICATES = "huilian.receivables.v1.CertificateService"
FINANCING = "huilian.lending.v1.FinancingService"
ORDER_LOANS = "huilian.lending.v1.OrderLoanService"
CREDIT = "huilian.lending.v1.CreditService"
DEALERS = "huilian.lending.v1.DealerLoanService"
SALES = "huilian.receivables.v1.SalesService"
AUCTIONS = "huilian.lending.v1.AuctionService"
DOCUMENTS = "huilian.lending.v1.DocumentService"


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


async def test_a_dispute_is_raised_seen_and_ended(api: Api) -> None:
    disputed = receivable_pb.Receivable(
        receivable_id="receivable-1", state=receivable_pb.RECEIVABLE_STATE_DISPUTED, credited_amount=money(25)
    )
    said = receivable_pb.Dispute(
        dispute_id="dispute-1", ground=receivable_pb.DISPUTE_GROUND_QUALITY, statement="表面锈蚀"
    )
    said.disputed_time.FromJsonString("2026-03-02T02:00:00Z")
    api.hub.on(f"{RECEIVABLES}/DisputeReceivable", receivable_pb.DisputeReceivableResponse(receivable=disputed))
    api.hub.on(f"{RECEIVABLES}/ReinstateReceivable", receivable_pb.ReinstateReceivableResponse(receivable=disputed))
    api.hub.on(f"{RECEIVABLES}/GiveUpReceivable", receivable_pb.GiveUpReceivableResponse(receivable=disputed))
    api.hub.on(f"{RECEIVABLES}/ListDisputes", receivable_pb.ListDisputesResponse(disputes=[said]))
    form = {"ground": "QUALITY", "statement": "表面锈蚀"}
    status, shown = await api.post("/receivables/receivable-1/disputes", form)
    assert (status, shown["state"], shown["credited_fen"]) == (200, "DISPUTED", 25)
    sent = api.hub.asked[-1].request
    assert (sent.receivable_id, sent.ground, sent.statement, sent.request_id) == (
        "receivable-1",
        receivable_pb.DISPUTE_GROUND_QUALITY,
        "表面锈蚀",
        KEY,
    )
    _, listed = await api.get("/receivables/receivable-1/disputes")
    assert listed["disputes"] == [
        {
            "dispute_id": "dispute-1",
            **form,
            "disputed_at": "2026-03-02T02:00:00Z",
            "ended_at": "",
            "ended_by_uscc": "",
        }
    ]
    assert (await api.post("/receivables/receivable-1/reinstatement"))[1] == shown
    assert (await api.post("/receivables/receivable-1/surrender"))[1] == shown
    assert (await api.post("/receivables/receivable-1/disputes", {"ground": "MOOD"}))[0] == 400


async def test_courts_orders_over_what_is_mine(api: Api) -> None:
    order = freeze_pb.FreezingOrder(
        freeze_id="freeze-01", order_number="(2026)沪01执1号", authority="沙盒市中级人民法院"
    )
    api.hub.on(f"{FREEZES}/ListFreezes", freeze_pb.ListFreezesResponse(orders=[order]))
    for path, kind in (("receivables/receivable-1", 1), ("certificates/certificate-1", 2)):
        _, shown = await api.get(f"/{path}/freezes")
        (one,) = shown["orders"]
        assert (one["order_number"], one["lifted_at"]) == ("(2026)沪01执1号", "")
        sent = api.hub.asked[-1].request
        assert (sent.kind, sent.object_id) == (kind, path.partition("/")[2])


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


async def test_borrowing_on_an_order(api: Api) -> None:
    order = receivable_pb.PurchaseOrder(
        order_document_id="purchase.purchase,1",
        order_number="PO-1",
        in_force=True,
        lines=[receivable_pb.PurchaseOrderLine(line_id="line-1", ordered=money(200), open=money(150))],
    )
    api.hub.on(f"{RECEIVABLES}/ListPurchaseOrders", receivable_pb.ListPurchaseOrdersResponse(purchase_orders=[order]))
    _, listed = await api.get("/purchase-orders")
    assert listed["purchase_orders"][0]["lines"][0]["open_fen"] == 150
    quote = financing_pb.Quote(principal=money(100), annual_rate="0.052")
    loan = order_pb.OrderLoan(
        loan_id="order-loan-1",
        state=order_pb.ORDER_LOAN_STATE_CONVERTING,
        quote=quote,
        lines=[order_pb.OrderLoanLine(line_id="line-1", principal=money(100), converted=money(40))],
        conversions=[order_pb.OrderLoanConversion(receivable_id="receivable-1", state="CONVERTED", lent=money(41))],
        outstanding_principal=money(60),
        called_principal=money(5),
    )
    api.hub.on(f"{ORDER_LOANS}/QuoteOrderLoan", order_pb.QuoteOrderLoanResponse(quote=quote))
    api.hub.on(f"{ORDER_LOANS}/ApplyForOrderLoan", order_pb.ApplyForOrderLoanResponse(order_loan=loan))
    api.hub.on(f"{ORDER_LOANS}/SignOrderLoan", order_pb.SignOrderLoanResponse(order_loan=loan))
    api.hub.on(f"{ORDER_LOANS}/WithdrawOrderLoan", order_pb.WithdrawOrderLoanResponse(order_loan=loan))
    api.hub.on(f"{ORDER_LOANS}/GetOrderLoan", order_pb.GetOrderLoanResponse(order_loan=loan))
    api.hub.on(f"{ORDER_LOANS}/ListOrderLoans", order_pb.ListOrderLoansResponse(order_loans=[loan]))
    named = {"buyer_uscc": "91350100M000100Y43", "order_document_id": "purchase.purchase,1", "term_days": 60}
    query = "&".join(f"{key}={value}" for key, value in named.items())
    assert (await api.get(f"/order-quote?{query}"))[1]["annual_rate"] == "0.052"
    status, applied = await api.post("/order-loans", {"loan_id": "order-loan-1", **named})
    assert status == 201 and api.hub.asked[-1].request.term_days == 60
    assert (applied["state"], applied["outstanding_fen"], applied["called_fen"]) == ("CONVERTING", 60, 5)
    assert (applied["lines"][0]["converted_fen"], applied["conversions"][0]["lent_fen"]) == (40, 41)
    assert (await api.post("/order-loans/order-loan-1/signature"))[1] == applied
    assert (await api.post("/order-loans/order-loan-1/withdrawal"))[1] == applied
    assert (await api.get("/order-loans/order-loan-1"))[1] == applied
    assert (await api.get("/order-loans"))[1]["order_loans"] == [applied]


async def test_an_auction_from_offer_to_award(api: Api) -> None:
    auction = auction_pb.Auction(auction_id="auction-1", state=auction_pb.AUCTION_STATE_OPEN, principal=money(45_000))
    bid = auction_pb.Bid(bid_id="bid-000001", auction_id="auction-1", state=auction_pb.BID_STATE_SEALED)
    api.hub.on(f"{AUCTIONS}/OpenAuction", auction_pb.OpenAuctionResponse(auction=auction))
    api.hub.on(f"{AUCTIONS}/ListAuctions", auction_pb.ListAuctionsResponse(auctions=[auction]))
    api.hub.on(f"{AUCTIONS}/WithdrawAuction", auction_pb.WithdrawAuctionResponse(auction=auction))
    api.hub.on(f"{AUCTIONS}/GetAuction", auction_pb.GetAuctionResponse(auction=auction, bids=[bid]))
    api.hub.on(f"{AUCTIONS}/PlaceBid", auction_pb.PlaceBidResponse(bid=bid))
    api.hub.on(f"{AUCTIONS}/RevealBid", auction_pb.RevealBidResponse(bid=bid))
    offer = {
        "auction_id": "auction-1",
        "certificate_id": "certificate-1",
        "highest_rate": "0.06",
        "bidding_minutes": 60,
        "revealing_minutes": 30,
    }
    status, opened = await api.post("/auctions", offer)
    assert (status, opened["state"], opened["principal_fen"]) == (201, "OPEN", 45_000)
    assert api.hub.asked[-1].request.revealing_duration.seconds == 1_800
    assert (await api.get("/auctions"))[1]["auctions"] == [opened]
    assert (await api.post("/auctions/auction-1/withdrawal"))[1] == opened
    status, placed = await api.post("/auctions/auction-1/bids", {"bid_id": "bid-000001", "commitment": "A" * 43})
    assert (status, placed["state"], api.hub.asked[-1].request.commitment) == (201, "SEALED", bytes(32))
    assert (await api.post("/bids/bid-000001/revelation", {"annual_rate": "0.05", "salt": "A" * 43}))[1] == placed
    assert (await api.get("/auctions/auction-1"))[1]["bids"] == [placed]
    status, _ = await api.post("/bids/bid-000001/revelation", {"annual_rate": "5%", "salt": "A" * 43})
    assert status == 400


async def test_products_on_offer_are_shown_to_anybody(api: Api) -> None:
    old = credit_pb.Product(product_id="dealer-loan", version=1)
    new = credit_pb.Product(
        product_id="dealer-loan", version=2, on_offer=True, most_amount=money(5), annual_rates=["0.0435"]
    )
    api.hub.on(f"{CREDIT}/ListProducts", credit_pb.ListProductsResponse(products=[old, new]))
    status, shown = await api.get("/products", token="")
    assert status == 200
    (one,) = shown["products"]
    assert (one["version"], one["most_fen"], one["annual_rates"]) == (2, 5, ["0.0435"])


async def test_a_dealer_consents_applies_and_waits_for_a_person(api: Api) -> None:
    core = "91449900MA0H00010W"
    consent = sales_pb.SalesConsent(core_enterprise=True, dealer=True)
    api.hub.on(f"{SALES}/SetSalesConsent", sales_pb.SetSalesConsentResponse(consent=consent))
    status, shown = await api.post(f"/core-enterprises/{core}/sales-consent", {"granted": True})
    assert (status, shown) == (200, {"core_enterprise": True, "dealer": True})
    waiting = dealer_pb.DealerLoan(
        loan_id="dealer-loan-1",
        state=dealer_pb.DEALER_LOAN_STATE_REFERRED,
        core_uscc=core,
        limit=money(200),
        reasons=[common_pb2.Reason(code="RED_WARNING", text_zh="须人工审批", text_en="A person decides")],
    )
    api.hub.on(f"{DEALERS}/ApplyForDealerLoan", dealer_pb.ApplyForDealerLoanResponse(dealer_loan=waiting))
    form = {"loan_id": "dealer-loan-1", "core_uscc": core, "amount_fen": 100, "term_days": 90}
    status, shown = await api.post("/dealer-loans", form)
    assert (status, shown["state"], shown["limit_fen"]) == (201, "REFERRED", 200)
    assert shown["reasons"][0]["code"] == "RED_WARNING"
    sent = api.hub.asked[-1].request
    assert (sent.core_uscc, sent.amount_fen, sent.term_days, sent.request_id) == (core, 100, 90, KEY)
    status, _ = await api.post("/dealer-loans", {**form, "amount_fen": 0})
    assert status == 400
    for path, method in (("signature", "SignDealerLoan"), ("withdrawal", "WithdrawDealerLoan")):
        answer = getattr(dealer_pb, f"{method}Response")(dealer_loan=waiting)
        api.hub.on(f"{DEALERS}/{method}", answer)
        status, _ = await api.post(f"/dealer-loans/dealer-loan-1/{path}")
        assert (status, api.hub.asked[-1].request.loan_id) == (200, "dealer-loan-1")
    api.hub.on(f"{DEALERS}/ListDealerLoans", dealer_pb.ListDealerLoansResponse(dealer_loans=[waiting]))
    api.hub.on(f"{DEALERS}/GetDealerLoan", dealer_pb.GetDealerLoanResponse(dealer_loan=waiting))
    _, listed = await api.get("/dealer-loans")
    _, one = await api.get("/dealer-loans/dealer-loan-1")
    assert listed["dealer_loans"] == [one]


async def test_a_loans_papers_are_listed_and_fetched(api: Api) -> None:
    kinds = (document_pb.DOCUMENT_KIND_LOAN_CONTRACT, document_pb.DOCUMENT_KIND_RESTRUCTURING_AGREEMENT)
    listed = [document_pb.LoanDocument(kind=kind, sequence=4 * at, title_zh="书") for at, kind in enumerate(kinds)]
    api.hub.on(f"{DOCUMENTS}/ListLoanDocuments", document_pb.ListLoanDocumentsResponse(documents=listed))
    api.hub.on(f"{DOCUMENTS}/GetDocument", document_pb.GetDocumentResponse(pdf=b"%PDF", file_name="a.pdf"))
    _, shown = await api.get("/loans/loan-0001/papers")
    contract, agreement = (one["href"].removeprefix("/api/v1") for one in shown["papers"])
    assert (contract, agreement) == (
        "/loans/loan-0001/contract.pdf",
        "/loans/loan-0001/restructuring-agreement.pdf?sequence=4",
    )
    for path, kind in (
        (agreement, document_pb.DOCUMENT_KIND_RESTRUCTURING_AGREEMENT),
        ("/loans/loan-0001/buy-back-notice.pdf", document_pb.DOCUMENT_KIND_BUY_BACK_NOTICE),
        ("/loans/loan-0001/charge-off-certificate.pdf", document_pb.DOCUMENT_KIND_CHARGE_OFF_CERTIFICATE),
    ):
        async with api.client.get(f"/api/v1{path}", headers={"Authorization": "Bearer token-1"}) as answer:
            assert (answer.status, answer.content_type) == (200, "application/pdf")
        sent = api.hub.asked[-1].request
        assert (sent.kind, sent.sequence) == (kind, 4 if path == agreement else 0)
