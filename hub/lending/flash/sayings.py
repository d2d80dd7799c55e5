"""What a person is told when the bank decided on a flash loan that the table had left to a person. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from hub.lending.flash.stored import FlashState
from hub.lending.ports import Saying

_TEXTS: Mapping[FlashState, tuple[str, str]] = {
    FlashState.OFFERED: (
        "您的闪电贷申请已经人工审批通过，请在一天内查看合同并签署，逾期失效。",
        "The bank approved your application for a flash loan. Read the contract and sign it within a day.",
    ),
    FlashState.REJECTED: (
        "您的闪电贷申请经人工审批未通过，理由请见申请详情；您可以要求说明。",
        "The bank refused your application for a flash loan. The application has the reasons; you may ask for more.",
    ),
    FlashState.EXPIRED: (
        "您的闪电贷申请未能在期限内完成人工审批，已失效；您可以重新申请。",
        "The bank did not decide on your application for a flash loan in time; it lapsed. You may apply again.",
    ),
}


def review_saying(application_id: str, state: FlashState) -> Saying:
    """What became of an application after a person at the bank looked at it, or nobody did in time."""
    text_zh, text_en = _TEXTS[state]
    return Saying(
        id=f"flash-review:{application_id}",
        kind=f"FLASH_LOAN_{state}",
        object_id=application_id,
        text_zh=text_zh,
        text_en=text_en,
    )
