"""Lending's values as messages of huilian.lending.v1."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

from huilian.common.v1 import common_pb2
from huilian.lending.v1 import auction_service_pb2 as auction_pb
from huilian.lending.v1 import financing_service_pb2 as financing_pb
from huilian.lending.v1 import loan_service_pb2 as loan_pb
from huilian.lending.v1 import order_loan_service_pb2 as order_pb
from huilian.lending.v1 import workout_service_pb2 as workout_pb
from huilian_loans import Payoff

from hub.lending.auctions.desk import Wish
from hub.lending.auctions.rules import Bid
from hub.lending.auctions.stored import Auction
from hub.lending.decisions.tables import Reason
from hub.lending.financings.stored import Financing
from hub.lending.flash.evidence import EvidenceItem
from hub.lending.flash.rules import read_contract
from hub.lending.flash.stored import FlashApplication
from hub.lending.loans.model import Loan
from hub.lending.loans.stored import LoanEventRecord
from hub.lending.orders.rules import OrderLine
from hub.lending.orders.stored import Conversion
from hub.lending.orders.view import OrderLoan
from hub.lending.restructurings.plans import plans_of
from hub.lending.restructurings.stored import Offer
from hub.lending.rules import DueLine, Quote, schedule_of
from hub.platform.timestamps import timestamp

CURRENCY = "CNY"


def money(amount_fen: int) -> common_pb2.Money:
    """An amount in fen."""
    return common_pb2.Money(amount_fen=amount_fen, currency=CURRENCY)


def reason_message(reason: Reason) -> common_pb2.Reason:
    """A reason in both languages."""
    return common_pb2.Reason(code=reason.code, text_zh=reason.text_zh, text_en=reason.text_en)


def quote_message(quote: Quote) -> financing_pb.Quote:
    """What a loan would cost."""
    return financing_pb.Quote(
        product_id=quote.product_id,
        principal=money(quote.principal_fen),
        interest=money(quote.interest_fen),
        fee=money(quote.fee_fen),
        total_due=money(quote.due_fen),
        annual_rate=format(quote.annual_rate, "f"),
        apr=format(quote.apr, "f"),
        value_date=quote.value_date.isoformat(),
        due_date=quote.due_date.isoformat(),
        total_cost=money(quote.cost_fen),
        schedule=[due_line_message(line) for line in quote.schedule],
    )


def due_line_message(line: DueLine) -> financing_pb.DueLine:
    """What falls due on a day."""
    return financing_pb.DueLine(
        due_date=line.due_date.isoformat(),
        principal=money(line.principal_fen),
        interest=money(line.interest_fen),
        fee=money(line.fee_fen),
        total=money(line.total_fen),
    )


def financing_message(financing: Financing) -> financing_pb.Financing:
    """An application for financing."""
    message = financing_pb.Financing(
        financing_id=financing.financing_id,
        state=financing_pb.FinancingState.Value(f"FINANCING_STATE_{financing.state}"),
        certificate_id=financing.certificate_id,
        applicant_uscc=financing.applicant_uscc,
        quote=quote_message(financing.quote),
        reasons=[reason_message(reason) for reason in financing.reasons],
        loan_id=financing.loan_id or "",
    )
    message.offer_expire_time.FromDatetime(financing.offer_expires_at)
    return message


def wish_of(request: auction_pb.OpenAuctionRequest) -> Wish:
    """What a holder offers to funders."""
    return Wish(
        auction_id=request.auction_id,
        certificate_id=request.certificate_id,
        wanted_fen=request.amount_fen,
        highest_rate=Decimal(request.highest_rate),
        bidding=request.bidding_duration.ToTimedelta(),
        revealing=request.revealing_duration.ToTimedelta(),
    )


def auction_message(auction: Auction) -> auction_pb.Auction:
    """An auction."""
    message = auction_pb.Auction(
        auction_id=auction.auction_id,
        state=auction_pb.AuctionState.Value(f"AUCTION_STATE_{auction.state}"),
        certificate_id=auction.certificate_id,
        holder_uscc=auction.holder_uscc,
        buyer_uscc=auction.buyer_uscc,
        principal=money(auction.principal_fen),
        highest_rate=format(auction.highest_rate, "f"),
        due_date=auction.due_date.isoformat(),
    )
    message.close_time.FromDatetime(auction.closes_at)
    message.reveal_end_time.FromDatetime(auction.reveals_until)
    return message


def bid_message(bid: Bid) -> auction_pb.Bid:
    """A bid."""
    message = auction_pb.Bid(
        bid_id=bid.bid_id,
        auction_id=bid.auction_id,
        funder_uscc=bid.funder,
        state=auction_pb.BidState.Value(f"BID_STATE_{bid.state}"),
        commitment=bid.commitment,
        annual_rate="" if bid.annual_rate is None else format(bid.annual_rate, "f"),
    )
    message.place_time.FromDatetime(bid.placed_at)
    return message


def order_loan_message(order_loan: OrderLoan) -> order_pb.OrderLoan:
    """A loan on an order."""
    application = order_loan.application
    message = order_pb.OrderLoan(
        loan_id=application.loan_id,
        state=order_pb.OrderLoanState.Value(f"ORDER_LOAN_STATE_{order_loan.state}"),
        buyer_uscc=application.buyer_uscc,
        order_document_id=application.order_document_id,
        order_number=application.order_number,
        applicant_uscc=application.applicant_uscc,
        quote=quote_message(application.quote),
        converted_rate=format(application.converted_rate, "f"),
        reasons=[reason_message(reason) for reason in application.reasons],
        lines=[_order_line_message(line) for line in order_loan.lines],
        conversions=[_conversion_message(conversion) for conversion in order_loan.conversions],
        outstanding_principal=money(order_loan.outstanding_fen),
        called_principal=money(order_loan.called_fen),
    )
    message.offer_expire_time.FromDatetime(application.offer_expires_at)
    return message


def _order_line_message(line: OrderLine) -> order_pb.OrderLoanLine:
    return order_pb.OrderLoanLine(
        line_id=line.line_id,
        ordered=money(line.ordered_fen),
        principal=money(line.principal_fen),
        delivered=money(line.delivered_fen),
        cancelled=money(line.cancelled_fen),
        converted=money(line.converted_fen),
        called=money(line.called_fen),
    )


def _conversion_message(conversion: Conversion) -> order_pb.OrderLoanConversion:
    return order_pb.OrderLoanConversion(
        receivable_id=conversion.receivable_id,
        state=conversion.state,
        receivable_loan_id=conversion.receivable_loan_id or "",
        principal=money(conversion.principal_fen),
        lent=money(conversion.lent_fen),
    )


def evidence_message(item: EvidenceItem) -> loan_pb.EvidenceItem:
    """One dataset as the decision sees it."""
    data = json.dumps(item.data, ensure_ascii=False, sort_keys=True) if item.data else ""
    return loan_pb.EvidenceItem(
        dataset_id=item.dataset_id, status=item.status, data_json=data, error_code=item.error_code
    )


def flash_message(application: FlashApplication) -> loan_pb.FlashLoanApplication:
    """An application for a flash loan; the offer's figures are those of the contract itself."""
    message = loan_pb.FlashLoanApplication(
        application_id=application.application_id,
        state=loan_pb.FlashLoanState.Value(f"FLASH_LOAN_STATE_{application.state}"),
        reasons=[reason_message(reason) for reason in application.reasons],
        loan_id=application.loan_id or "",
        rule_version=application.rule_version,
    )
    if application.contract:
        message.MergeFrom(_offer(application))
    return message


def _offer(application: FlashApplication) -> loan_pb.FlashLoanApplication:
    text = read_contract(application.contract)
    return loan_pb.FlashLoanApplication(
        limit=money(application.limit_fen),
        principal=money(text["principal_fen"]),
        annual_rate=text["terms"]["annual_rate"],
        apr=text["apr"],
        total_cost=money(text["total_cost_fen"]),
        due_date=text["terms"]["maturity"],
        contract=application.contract,
        contract_challenge=application.challenge,
        schedule=[
            due_line_message(line)
            for line in schedule_of(text["terms"], text["principal_fen"], date.fromisoformat(text["value_date"]))
        ],
    )


def loan_message(loan: Loan) -> loan_pb.Loan:
    """A loan as of its day."""
    return loan_pb.Loan(
        loan_id=loan.record.loan_id,
        state=loan_pb.LoanState.Value(f"LOAN_STATE_{loan.state}"),
        borrower_id=loan.record.borrower,
        product_id=loan.record.product_id,
        limit=money(loan.record.limit_fen),
        outstanding_principal=money(int(loan.owed.principal_fen)),
        accrued_interest=money(int(loan.owed.interest_fen)),
        annual_rate=loan.record.terms["annual_rate"],
        due_date=loan.record.maturity.isoformat(),
        events=[_event_message(loan.record.loan_id, event) for event in loan.events],
    )


def payoff_message(owed: Payoff, as_of: date) -> loan_pb.QuotePayoffResponse:
    """What closes a loan on a day."""
    return loan_pb.QuotePayoffResponse(
        principal=money(int(owed.principal_fen)),
        interest=money(int(owed.interest_fen)),
        total=money(int(owed.total_fen)),
        as_of_date=as_of.isoformat(),
    )


def plan_content(plan: workout_pb.RepaymentPlan) -> dict[str, Any]:
    """A plan of repayment as the loan engine's documents have it."""
    content: dict[str, Any] = {"kind": plan.kind}
    if plan.first_due_date:
        content["first_due_date"] = plan.first_due_date
    if plan.every_months:
        content["every_months"] = plan.every_months
    return content


def restructuring_message(loan: Loan, offer: Offer) -> workout_pb.Restructuring:
    """An offer of other terms for a loan, as both stand."""
    terms, plan, plans = offer.terms, offer.terms.repayment, plans_of(loan, offer)
    return workout_pb.Restructuring(
        loan_id=terms.loan_id,
        number=terms.number,
        state=workout_pb.RestructuringState.Value(f"RESTRUCTURING_STATE_{offer.state}"),
        principal=money(terms.principal_fen),
        annual_rate=terms.annual_rate,
        due_date=terms.due_date.isoformat(),
        repayment_plan=workout_pb.RepaymentPlan(
            kind=plan["kind"], first_due_date=plan.get("first_due_date", ""), every_months=plan.get("every_months", 0)
        ),
        terms=terms.canonical(),
        challenge=terms.challenge,
        valid_until=timestamp(terms.valid_until),
        signed_time=timestamp(offer.signed_at),
        former_schedule=[due_line_message(line) for line in plans.former],
        schedule=[due_line_message(line) for line in plans.offered],
    )


def _event_message(loan_id: str, event: LoanEventRecord) -> loan_pb.LoanEvent:
    return loan_pb.LoanEvent(
        event_id=f"{loan_id}:{event.sequence}",
        kind=event.kind,
        value_date=event.value_date.isoformat(),
        amount=money(event.amount_fen),
        principal_part=money(event.principal_part_fen),
        interest_part=money(event.interest_part_fen),
    )
