"""Dealer loans of huilian.lending.v1 on the wire: proto in, proto out, no rule."""

from __future__ import annotations

from typing import Any

from huilian.common.v1 import common_pb2
from huilian.lending.v1 import dealer_loan_service_pb2 as pb
from huilian.lending.v1 import dealer_loan_service_pb2_grpc

from hub.lending.dealers.desk import DealerWish
from hub.lending.dealers.stored import DealerApplication
from hub.lending.messages import money, quote_message, reason_message
from hub.lending.service import LendingService
from hub.platform.callers import Role, current_caller
from hub.platform.idempotency import Idempotency
from hub.platform.paging import DEFAULT_PAGE_SIZE


class DealerLoanServicer(dealer_loan_service_pb2_grpc.DealerLoanServiceServicer):
    """Serves dealers, and the operators who decide what a table leaves to them."""

    def __init__(self, service: LendingService, idempotency: Idempotency) -> None:
        self._dealers, self._idempotency = service.dealers, idempotency

    async def ApplyForDealerLoan(
        self, request: pb.ApplyForDealerLoanRequest, context: Any
    ) -> pb.ApplyForDealerLoanResponse:
        """An offer, a rejection, or REFERRED."""

        async def use_case() -> pb.ApplyForDealerLoanResponse:
            wish = DealerWish(request.loan_id, request.core_uscc, request.amount_fen, request.term_days)
            applied = await self._dealers.apply(current_caller().id, wish)
            return pb.ApplyForDealerLoanResponse(dealer_loan=_message(applied))

        return await self._idempotency.run("ApplyForDealerLoan", request, pb.ApplyForDealerLoanResponse, use_case)

    async def SignDealerLoan(self, request: pb.SignDealerLoanRequest, context: Any) -> pb.SignDealerLoanResponse:
        """Sign the offer."""

        async def use_case() -> pb.SignDealerLoanResponse:
            signed = await self._dealers.sign(current_caller().id, request.loan_id)
            return pb.SignDealerLoanResponse(dealer_loan=_message(signed))

        return await self._idempotency.run("SignDealerLoan", request, pb.SignDealerLoanResponse, use_case)

    async def WithdrawDealerLoan(
        self, request: pb.WithdrawDealerLoanRequest, context: Any
    ) -> pb.WithdrawDealerLoanResponse:
        """Take an application back."""

        async def use_case() -> pb.WithdrawDealerLoanResponse:
            withdrawn = await self._dealers.withdraw(current_caller().id, request.loan_id)
            return pb.WithdrawDealerLoanResponse(dealer_loan=_message(withdrawn))

        return await self._idempotency.run("WithdrawDealerLoan", request, pb.WithdrawDealerLoanResponse, use_case)

    async def GetDealerLoan(self, request: pb.GetDealerLoanRequest, context: Any) -> pb.GetDealerLoanResponse:
        """One application of the caller."""
        found = await self._dealers.get(current_caller().id, request.loan_id)
        return pb.GetDealerLoanResponse(dealer_loan=_message(found))

    async def ListDealerLoans(self, request: pb.ListDealerLoansRequest, context: Any) -> pb.ListDealerLoansResponse:
        """The caller's applications, newest first."""
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        page = await self._dealers.list_own(current_caller().id, size, request.page.page_token)
        return pb.ListDealerLoansResponse(
            dealer_loans=[_message(item) for item in page.items],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
        )

    async def ListReferredDealerLoans(
        self, request: pb.ListReferredDealerLoansRequest, context: Any
    ) -> pb.ListReferredDealerLoansResponse:
        """What waits for a person."""
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        page = await self._dealers.list_referred(size, request.page.page_token)
        return pb.ListReferredDealerLoansResponse(
            dealer_loans=[_message(item) for item in page.items],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
        )

    async def ProposeDealerLoanReview(
        self, request: pb.ProposeDealerLoanReviewRequest, context: Any
    ) -> pb.ProposeDealerLoanReviewResponse:
        """One operator proposes."""

        async def use_case() -> pb.ProposeDealerLoanReviewResponse:
            operator, reason = current_caller().id, request.reason
            proposed = await self._dealers.propose(operator, request.loan_id, reason, approve=request.approve)
            return pb.ProposeDealerLoanReviewResponse(dealer_loan=_message(proposed))

        response_type = pb.ProposeDealerLoanReviewResponse
        return await self._idempotency.run("ProposeDealerLoanReview", request, response_type, use_case)

    async def ReviewDealerLoan(self, request: pb.ReviewDealerLoanRequest, context: Any) -> pb.ReviewDealerLoanResponse:
        """Another one decides."""

        async def use_case() -> pb.ReviewDealerLoanResponse:
            operator, reason = current_caller().id, request.reason
            decided = await self._dealers.review(operator, request.loan_id, reason, approve=request.approve)
            return pb.ReviewDealerLoanResponse(dealer_loan=_message(decided))

        return await self._idempotency.run("ReviewDealerLoan", request, pb.ReviewDealerLoanResponse, use_case)


def _message(application: DealerApplication) -> pb.DealerLoan:
    message = pb.DealerLoan(
        loan_id=application.loan_id,
        state=pb.DealerLoanState.Value(f"DEALER_LOAN_STATE_{application.state}"),
        core_uscc=application.core_uscc,
        dealer_uscc=application.dealer_uscc,
        limit=money(application.limit_fen),
        quote=quote_message(application.quote),
        reasons=[reason_message(reason) for reason in application.reasons],
        decision_id=application.decision_id,
    )
    message.offer_expire_time.FromDatetime(application.offer_expires_at)
    if current_caller().role is Role.OPERATOR:
        said = {name: getattr(application.review, name) or "" for name in application.review.__dataclass_fields__}
        message.review.CopyFrom(pb.DealerLoanReview(**said))
    return message
