"""Chinese names of records, their members and their values, as they stand on documents."""

from __future__ import annotations

from collections.abc import Mapping

KINDS: Mapping[str, str] = {
    "receivable.confirmed": "应收账款确权回执",
    "receivable.settled": "应收账款结清回执",
    "receivable.cleared": "应收账款清分回执",
    "certificate.issued": "电子债权凭证开立回执",
    "certificate.accepted": "电子债权凭证签收回执",
    "certificate.split": "电子债权凭证拆分回执",
    "certificate.transferred": "电子债权凭证转让回执",
    "certificate.redeemed": "电子债权凭证兑付回执",
    "financing.disbursed": "融资放款回执",
    "loan.disbursed": "贷款放款回执",
    "access": "个人信息访问回执",
    "consent-grant": "个人授权回执",
    "consent-revocation": "个人授权撤回回执",
    "log.handover": "日志密钥交接回执",
}

FIELDS: Mapping[str, str] = {
    "receivableId": "应收账款编号", "receivable_id": "应收账款编号", "invoiceId": "发票编号",
    "buyerUscc": "付款方统一社会信用代码", "buyer_uscc": "付款方统一社会信用代码",
    "supplierUscc": "供应商统一社会信用代码", "supplier_uscc": "供应商统一社会信用代码",
    "amountFen": "金额", "amount_fen": "金额", "currency": "币种", "dueDate": "到期日", "due_date": "到期日",
    "evidenceHash": "贸易单据散列", "confirmedAt": "确认时间", "chainId": "链编号", "verifyingContract": "合约",
    "parties": "当事方", "certificate_id": "凭证编号", "holder_uscc": "持有人统一社会信用代码",
    "issuer_uscc": "开立人统一社会信用代码", "offered_by": "转让人", "parent_id": "上级凭证", "parts": "拆分为",
    "state": "状态", "issued_fen": "已开立金额", "redeemed_fen": "已兑付金额", "financing_id": "融资编号",
    "applicant_uscc": "申请人统一社会信用代码", "principal_fen": "本金", "fee_fen": "费用", "interest_fen": "利息",
    "terms": "条款", "reasons": "理由", "loan_id": "贷款编号", "borrower": "借款人（网号）", "annual_rate": "年利率",
    "agency": "数据源机构", "at": "时间", "chain": "本人记录链", "consent_id": "授权编号",
    "consent_sha256": "授权书散列", "artefact_sha256": "授权书散列", "dataset": "数据集", "fields": "字段",
    "outcome": "结果", "period": "期间", "purpose": "目的", "recipient": "接收方", "refused_by": "拒绝方",
    "request_id": "请求编号", "requested_by": "请求方", "type": "种类", "from": "自", "to": "至", "code": "代码",
    "text": "说明", "id": "编号", "sequence": "序号", "previous": "前一条",
}  # fmt: skip

VALUES: Mapping[str, str] = {"DELIVERED": "已提供", "CNY": "人民币"}
