"""Which records of the log somebody is told of, and whom. Pure.

A record names its parties; the table says which of its members hold enterprises to be told, and whether the bank's
operators are. Texts say what happened and nothing about whom: the object's id and the facts go with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from stdnum.cn import uscc

BANK: Final = "bank"
PARTIES: Final = ("parties",)


class Urgency(StrEnum):
    """What is asked of whoever is told."""

    INFO = "INFO"
    ACTION = "ACTION"
    ALERT = "ALERT"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of notification.

    `about` is the member that holds the object's id, without "_id" it is the object's kind; `tells` are the members
    that hold enterprises; `facts` the members that are passed on; `only` what a member must be.
    """

    code: str
    record: str
    about: str
    text_zh: str
    text_en: str
    urgency: Urgency = Urgency.INFO
    tells: tuple[str, ...] = PARTIES
    bank: bool = True
    facts: tuple[str, ...] = ()
    only: tuple[str, frozenset[str]] | None = None

    @property
    def object_kind(self) -> str:
        """Such as "receivable"."""
        return self.about.removesuffix("_id")

    def fits(self, content: Mapping[str, Any]) -> bool:
        """Whether this record is of the kind."""
        return self.only is None or content.get(self.only[0]) in self.only[1]

    def told(self, content: Mapping[str, Any]) -> list[str]:
        """Whom it concerns: enterprises by USCC, and the bank. Persons have an inbox of their own (hub/exchange)."""
        named = {each for member in self.tells for each in _names(content.get(member)) if uscc.is_valid(each)}
        return [*sorted(named), *([BANK] if self.bank else [])]

    def facts_of(self, content: Mapping[str, Any]) -> dict[str, str]:
        """What goes with the text."""
        return {name: str(content[name]) for name in self.facts if content.get(name) is not None}


def _names(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [each for each in value or () if isinstance(each, str)]


_ACTION, _ALERT = Urgency.ACTION, Urgency.ALERT
_LOAN = (*PARTIES, "funder_uscc")
_CALL = ("receivable_id", "cause", "due_on")
_WARNED = ("rule", "level", "subject", "subject_kind")
# Who is warned of learns it where it closes or narrows lending to them; nobody learns of another party's warning.
_TOLD_OF_WARNING = ("level", frozenset({"AMBER", "RED"}))
_WATCH = ("level", frozenset({"WATCH"}))

KINDS: tuple[Kind, ...] = (
    Kind("WARNING_RAISED", "warning.raised", "warning_id", "风险预警：请查看并处理。",
         "Early warning: look at it and act on it.", _ALERT, ("subject",), facts=_WARNED, only=_TOLD_OF_WARNING),
    Kind("WARNING_WATCH", "warning.raised", "warning_id", "风险预警：进入关注名单。",
         "Early warning: on watch.", tells=(), facts=_WARNED, only=_WATCH),
    Kind("WARNING_LAPSED", "warning.lapsed", "warning_id", "风险预警已解除：不再触发规则。",
         "An early warning lapsed: its rule finds nothing any more.", tells=("subject",), facts=_WARNED,
         only=_TOLD_OF_WARNING),
    Kind("RECEIVABLE_OVERDUE", "receivable.overdue", "receivable_id", "应收账款已逾期：付款方到期未付。",
         "A receivable is overdue: the buyer did not pay on the due date.", _ALERT, facts=("due_date",)),
    Kind("RECEIVABLE_DEFAULTED", "receivable.defaulted", "receivable_id", "应收账款已违约。",
         "A receivable is in default.", _ALERT),
    Kind("COLLECTION_STEP", "collection.raised", "receivable_id", "催收步骤已启动。", "A step of collection is due.",
         _ACTION, ("buyer_uscc", "supplier_uscc"), facts=("step", "days_overdue")),
    # Whoever holds a certificate over it or lent on one; they are not asked to pay.
    Kind("COLLECTION_STEP_HELD", "collection.raised", "receivable_id", "您持有或出资的应收账款逾期，催收步骤已启动。",
         "A receivable that you hold or lent on is overdue; a step of collection is due.", _ALERT,
         ("interested_usccs",), bank=False, facts=("step", "days_overdue")),
    Kind("LOAN_CALLED", "loan.call-called", "loan_id", "贷款被要求回购：担保的应收账款发生争议或减值，请在期限前回购。",
         "A loan is called in: its receivable is disputed or diluted. Buy it back in time.", _ACTION, _LOAN,
         facts=_CALL),
    Kind("LOAN_CALL_MET", "loan.call-met", "loan_id", "回购要求已履行。", "A call for buy-back was met.", tells=_LOAN,
         facts=_CALL),
    Kind("LOAN_CALL_LIFTED", "loan.call-lifted", "loan_id", "回购要求已撤销。", "A call for buy-back was lifted.",
         tells=_LOAN, facts=_CALL),
    Kind("RECOURSE_TAKEN", "loan.repaid", "loan_id", "已行使追索权：从借款人账户扣款。",
         "Recourse was taken: the borrower paid in the buyer's place.", _ALERT, _LOAN,
         only=("kind", frozenset({"RECOURSE"}))),
    Kind("LOAN_BOUGHT_BACK", "loan.repaid", "loan_id", "应收账款已回购，贷款结清。",
         "The receivable was bought back; the loan is closed.", tells=_LOAN, only=("kind", frozenset({"BUY_BACK"}))),
    Kind("LOAN_RESTRUCTURING_OFFERED", "loan.restructuring-offered", "loan_id", "贷款重组方案待借款人签署。",
         "Other terms for a loan wait for the borrower's signature.", _ACTION, bank=False,
         facts=("number", "annual_rate", "due_date", "valid_until")),
    Kind("LOAN_RESTRUCTURED", "loan.restructured", "loan_id", "贷款已重组：还款计划和利率有变。",
         "A loan was restructured: other due dates, another rate.", _ACTION, _LOAN),
    Kind("LOAN_CHARGED_OFF", "loan.charged-off", "loan_id", "贷款已核销，债权仍在。",
         "A loan was charged off; it is still owed.", _ALERT, _LOAN),
    Kind("RECEIVABLE_DISPUTED", "receivable.disputed", "receivable_id", "买方对应收账款提出争议。",
         "The buyer disputes a receivable.", _ALERT, facts=("ground",)),
    Kind("RECEIVABLE_DILUTED", "receivable.diluted", "receivable_id", "退货或红字发票使应收账款减少。",
         "Returns or credit notes made a receivable worth less.", _ALERT),
    Kind("RECEIVABLE_REINSTATED", "receivable.reinstated", "receivable_id", "双方达成一致，应收账款待重新确认。",
         "The parties came to terms; the receivable waits to be confirmed anew.", _ACTION, bank=False),
    Kind("RECEIVABLE_VOIDED", "receivable.voided", "receivable_id", "供应商放弃了应收账款。",
         "The supplier gave a receivable up.", bank=False),
    Kind("RECEIVABLE_FROZEN", "receivable.frozen", "object_id", "应收账款被司法冻结。",
         "A court froze a receivable.", _ALERT, facts=("kind", "freeze_id")),
    Kind("RECEIVABLE_UNFROZEN", "receivable.unfrozen", "object_id", "应收账款司法冻结已解除。",
         "A court's freeze of a receivable was lifted.", facts=("kind", "freeze_id")),
    Kind("CERTIFICATE_FROZEN", "certificate.frozen", "object_id", "电子债权凭证被司法冻结。",
         "A court froze a certificate.", _ALERT, facts=("kind", "freeze_id")),
    Kind("CERTIFICATE_UNFROZEN", "certificate.unfrozen", "object_id", "电子债权凭证司法冻结已解除。",
         "A court's freeze of a certificate was lifted.", facts=("kind", "freeze_id")),
    Kind("CERTIFICATE_OFFERED", "certificate.issued", "certificate_id", "收到电子债权凭证，待签收。",
         "A certificate was issued to you and waits to be accepted.", _ACTION, ("holder_uscc",), bank=False),
    Kind("CERTIFICATE_TRANSFERRED", "certificate.transferred", "certificate_id", "收到转让的电子债权凭证，待签收。",
         "A certificate was passed on to you and waits to be accepted.", _ACTION, ("holder_uscc",), bank=False),
    Kind("LIMIT_REACHED", "limit.reached", "limit_id", "授信额度使用达到九成。", "Nine tenths of a limit are in use.",
         _ACTION, ("party",), facts=("dimension",)),
    Kind("REFERRAL_OPENED", "referral.opened", "application_id", "融资申请转人工审批。",
         "An application waits for a person's decision.", _ACTION, ("applicant_uscc",), facts=("product_id",)),
    Kind("REFERRAL_DECIDED", "referral.decided", "application_id", "人工审批已有结果。",
         "A person decided on an application.", _ACTION, ("applicant_uscc",), facts=("product_id", "state")),
    Kind("DEALER_LOAN_REVIEWED", "dealer-loan.reviewed", "loan_id", "经销商贷款人工审批已有结果。",
         "Persons decided on a dealer's application.", _ACTION, facts=("state",)),
    Kind("REGISTRATION_OBJECTED", "registration.objected", "claim_id", "中登网登记被提出异议。",
         "Somebody objected to a registration of movable assets.", _ALERT),
    Kind("WEBHOOK_REGISTERED", "", "webhook_id", "通知地址已登记。", "A webhook was registered.", bank=False),
    Kind("WEBHOOK_DISABLED", "", "webhook_id", "通知地址连续投递失败，已停用；未送达的通知请在列表中查看。",
         "A webhook failed too often and was disabled; what it missed is in the list.", _ACTION, bank=False),
)  # fmt: skip

BY_CODE: Mapping[str, Kind] = {kind.code: kind for kind in KINDS}
BY_RECORD: Mapping[str, tuple[Kind, ...]] = {
    record: tuple(kind for kind in KINDS if kind.record == record) for record in {kind.record for kind in KINDS} - {""}
}
