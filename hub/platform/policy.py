"""Who may call what: one table for every RPC of the protocol, deny by default. A test compares it with the descriptors.

The table says which kinds of callers get through the door; whose object it is, services check.
"""

from __future__ import annotations

from collections.abc import Mapping

from huilian_protocol.errors import HuilianError

from hub.platform.callers import Caller, Role

EVERYBODY = frozenset(Role)
SIGNED_IN = EVERYBODY - {Role.ANONYMOUS}
CITIZEN = frozenset({Role.CITIZEN})
ENTERPRISE = frozenset({Role.ENTERPRISE})
BORROWER = CITIZEN | ENTERPRISE
OPERATOR = frozenset({Role.OPERATOR})
HUB = frozenset({Role.HUB})
CONNECTOR = frozenset({Role.CONNECTOR})
SUPERVISOR = frozenset({Role.SUPERVISOR})
REGISTRAR = frozenset({Role.ANONYMOUS, Role.CHANNEL, Role.CITIZEN})
SERVED_ELSEWHERE: frozenset[Role] = frozenset()


def _service(name: str, methods: Mapping[str, frozenset[Role]]) -> dict[str, frozenset[Role]]:
    return {f"/huilian.{name}/{method}": roles for method, roles in methods.items()}


_NOTIFICATION = (
    *("ListNotifications", "GetNotification", "MarkNotificationsRead"),
    *("RegisterWebhook", "ListWebhooks", "EnableWebhook", "RemoveWebhook"),
)
_WORKOUT = (
    *("GetLoanCase", "InvokeRecourse", "BuyBackLoan", "RestructureLoan", "ChargeOffLoan"),
    *("RecoverLoan", "BookRepayment", "ReverseRepayment"),
)

POLICY: Mapping[str, frozenset[Role]] = {
    **_service(
        "common.v1.SandboxService",
        {"GetClock": EVERYBODY, "MoveClock": OPERATOR, "FundAccount": OPERATOR, "GetAccount": OPERATOR | BORROWER},
    ),
    **_service(
        "identity.v1.IdentityService",
        {
            "RegisterPerson": REGISTRAR,
            "RegisterEnterprise": OPERATOR | ENTERPRISE,
            "RequestGuardianship": CITIZEN,
            "GetEnterprise": SIGNED_IN - CITIZEN,
            "ListEnterprises": SIGNED_IN - CITIZEN,
            "GetKeySet": EVERYBODY,
        },
    ),
    **_service(
        "identity.v1.PrivacyService",
        {"PrepareErasure": CITIZEN, "EraseMyData": CITIZEN, "GetErasureReceipt": EVERYBODY},
    ),
    **_service(
        "identity.v1.TokenService",
        {"CreateChallenge": EVERYBODY, "IssueToken": EVERYBODY, "RevokeToken": SIGNED_IN},
    ),
    **_service(
        "identity.v1.IdentityAuthorityService",
        dict.fromkeys(("GetAuthorityKeys", "BindDeviceKey", "AttestGuardianship"), SERVED_ELSEWHERE),
    ),
    **_service(
        "identity.v1.CertificateAuthorityService",
        {"GetCertificateAuthority": SERVED_ELSEWHERE, "IssueCertificate": SERVED_ELSEWHERE},
    ),
    **_service(
        "registry.v1.MovableAssetRegistryService",
        dict.fromkeys(
            (
                "SearchRegistrations",
                "GetRegistration",
                "Register",
                "AmendRegistration",
                "ExtendRegistration",
                "ObjectToRegistration",
                "DeregisterRegistration",
            ),
            SERVED_ELSEWHERE,
        ),
    ),
    **_service(
        "consent.v1.ConsentService",
        {
            "PrepareConsent": CITIZEN,
            "GrantConsent": CITIZEN,
            "RejectConsent": CITIZEN,
            # A company sees and stops what a delegate signed for it.
            "GetConsent": CITIZEN | ENTERPRISE,
            "ListConsents": CITIZEN | ENTERPRISE,
            "RevokeConsent": CITIZEN | ENTERPRISE,
            "PauseConsent": CITIZEN,
            "RevokeDelegation": CITIZEN | ENTERPRISE,
            "ResumeConsent": CITIZEN,
            "GetTerminationReceipt": CITIZEN | ENTERPRISE,
            "ExportConsentRecord": CITIZEN | ENTERPRISE,
            "ListPurposes": EVERYBODY,
            "WatchRevocations": CONNECTOR,
        },
    ),
    **_service(
        "exchange.v1.ExchangeService",
        {
            "ListDatasets": EVERYBODY,
            "FetchDataset": CITIZEN,
            "FetchDatasets": CITIZEN,
            "PerformAction": CITIZEN,
            "GetServiceStatus": SIGNED_IN,
            "ListAccessRecords": CITIZEN | ENTERPRISE,
            "IssueAccessStatement": CITIZEN,
            "ExportAccessRecords": CITIZEN,
        },
    ),
    **_service(
        "convenience.v1.ConvenienceService",
        {"ReadRecord": CITIZEN, "GetPayment": CITIZEN, "ListPayments": CITIZEN},
    ),
    **_service(
        "convenience.v1.PaymentDeskService",
        dict.fromkeys(
            (
                "ListUnresolvedPayments",
                "ProposePaymentResolution",
                "DecidePaymentResolution",
                "GetPaymentBooks",
                "PayOverToAgency",
            ),
            OPERATOR,
        ),
    ),
    **_service(
        "exchange.v1.NoticeService",
        dict.fromkeys(("ListNotices", "MarkNoticesRead", "GetNoticePreference", "SetNoticePreference"), CITIZEN),
    ),
    **_service("notification.v1.NotificationService", dict.fromkeys(_NOTIFICATION, ENTERPRISE | OPERATOR)),
    **_service(
        "supervision.v1.SupervisionService",
        {
            "GetAccessVolumes": SUPERVISOR,
            "CountSubjectAccesses": SUPERVISOR,
            "GetRefusedCalls": SUPERVISOR,
            "ListSupervisionQueries": EVERYBODY,
        },
    ),
    **_service(
        "connector.v1.ConnectorService",
        dict.fromkeys(("Describe", "Check", "Read", "Act", "CountAnswers"), SERVED_ELSEWHERE),
    ),
    **_service(
        "connector.v1.ErpConnectorService",
        dict.fromkeys(
            ("DescribeErp", "ListTradeDocuments", "ListSales", "RecordPayment", "ListLedgerEntries"), SERVED_ELSEWHERE
        ),
    ),
    **_service(
        "receivables.v1.ReceivableService",
        {
            "SyncTradeDocuments": ENTERPRISE,
            "GetReceivable": ENTERPRISE,
            "ListReceivables": ENTERPRISE,
            "ListPurchaseOrders": ENTERPRISE,
            "PrepareConfirmation": ENTERPRISE,
            "ConfirmReceivable": ENTERPRISE,
            "DisputeReceivable": ENTERPRISE,
            "ListDisputes": ENTERPRISE,
            "ReinstateReceivable": ENTERPRISE,
            "GiveUpReceivable": ENTERPRISE,
            "ListFindings": OPERATOR,
            "ReleaseFinding": OPERATOR,
        },
    ),
    **_service(
        "receivables.v1.FreezeService",
        {"Freeze": OPERATOR, "Unfreeze": OPERATOR, "ListFreezes": OPERATOR | ENTERPRISE},
    ),
    **_service("onboarding.v1.BusinessRegistryService", {"LookUpEnterprise": SERVED_ELSEWHERE}),
    **_service(
        "onboarding.v1.OnboardingService",
        {
            "VerifyEnterprise": OPERATOR | ENTERPRISE,
            "GetVerification": OPERATOR | ENTERPRISE,
            "ChangeSigner": ENTERPRISE,
            "ListSigners": ENTERPRISE,
            "AuthoriseAct": ENTERPRISE,
        },
    ),
    **_service(
        "onboarding.v1.AccountOpeningService",
        {
            "ListOpeningRequirements": EVERYBODY,
            "StartOpening": ENTERPRISE,
            "UploadOpeningDocument": ENTERPRISE,
            "SubmitOpening": ENTERPRISE,
            "WithdrawOpening": ENTERPRISE,
            "GetOpening": ENTERPRISE | OPERATOR,
            "ListOpenings": ENTERPRISE | OPERATOR,
            "ListOpeningSlots": ENTERPRISE | OPERATOR,
            "BookVisit": ENTERPRISE,
            "CancelVisit": ENTERPRISE,
            "ReadOpeningDocument": OPERATOR,
            "ReviewOpening": OPERATOR,
            "CompleteVisit": OPERATOR,
            "CloseAccount": OPERATOR,
            "GetOpeningReport": OPERATOR | SUPERVISOR,
        },
    ),
    **_service(
        "receivables.v1.TaxAuthorityService",
        dict.fromkeys(("LookUpInvoice", "IssueInvoice", "OffsetInvoice", "CancelInvoice"), SERVED_ELSEWHERE),
    ),
    **_service(
        "receivables.v1.CertificateService",
        {
            "IssueCertificate": ENTERPRISE,
            "AcceptCertificate": ENTERPRISE,
            "RefuseCertificate": ENTERPRISE,
            "SplitCertificate": ENTERPRISE,
            "TransferCertificate": ENTERPRISE,
            "GetCertificate": ENTERPRISE,
            "GetProvenance": ENTERPRISE,
            "ListCertificates": ENTERPRISE,
        },
    ),
    **_service(
        "lending.v1.FinancingService",
        {
            "QuoteFinancing": ENTERPRISE,
            "ApplyForFinancing": ENTERPRISE,
            "AcceptFinancing": ENTERPRISE,
            "WithdrawFinancing": ENTERPRISE,
            "GetFinancing": ENTERPRISE,
            "ListFinancings": ENTERPRISE,
        },
    ),
    **_service(
        "lending.v1.OrderLoanService",
        {
            "QuoteOrderLoan": ENTERPRISE,
            "ApplyForOrderLoan": ENTERPRISE,
            "SignOrderLoan": ENTERPRISE,
            "WithdrawOrderLoan": ENTERPRISE,
            "GetOrderLoan": ENTERPRISE,
            "ListOrderLoans": ENTERPRISE,
        },
    ),
    **_service(
        "lending.v1.AuctionService",
        {
            "AdmitFunder": OPERATOR,
            "OpenAuction": ENTERPRISE,
            "PlaceBid": ENTERPRISE,
            "RevealBid": ENTERPRISE,
            "WithdrawAuction": ENTERPRISE,
            "GetAuction": ENTERPRISE,
            "ListAuctions": ENTERPRISE,
        },
    ),
    **_service(
        "lending.v1.FlashLoanService",
        {
            "PreviewEvidence": CITIZEN,
            "ApplyForFlashLoan": CITIZEN,
            "SignFlashLoan": CITIZEN,
            "GetFlashLoanApplication": CITIZEN,
        },
    ),
    **_service(
        "lending.v1.LoanService",
        {
            "GetLoan": BORROWER,
            "ListLoans": BORROWER,
            "DrawLoan": BORROWER,
            "RepayLoan": BORROWER,
            "QuotePayoff": BORROWER,
        },
    ),
    **_service(
        "receivables.v1.SalesService",
        {"SyncSales": ENTERPRISE, "SetSalesConsent": ENTERPRISE, "GetSalesConsent": ENTERPRISE},
    ),
    **_service(
        "lending.v1.DealerLoanService",
        {
            "ApplyForDealerLoan": ENTERPRISE,
            "SignDealerLoan": ENTERPRISE,
            "WithdrawDealerLoan": ENTERPRISE,
            "GetDealerLoan": ENTERPRISE,
            "ListDealerLoans": ENTERPRISE,
            "ListReferredDealerLoans": OPERATOR,
            "ProposeDealerLoanReview": OPERATOR,
            "ReviewDealerLoan": OPERATOR,
        },
    ),
    **_service(
        "lending.v1.CreditService",
        {
            "ListProducts": EVERYBODY,
            "SetLimit": OPERATOR,
            "SetEnterpriseGroup": OPERATOR,
            "GetExposure": OPERATOR | SUPERVISOR,
            "GetDecisionReport": OPERATOR | SUPERVISOR,
            "ReplayDecision": OPERATOR,
        },
    ),
    **_service("lending.v1.WorkoutService", dict.fromkeys(_WORKOUT, OPERATOR)),
    **_service(
        "lending.v1.RestructuringService",
        {"ListRestructurings": BORROWER | OPERATOR, "SignRestructuring": BORROWER},
    ),
    **_service("lending.v1.DocumentService", {"GetDocument": BORROWER, "ListLoanDocuments": BORROWER}),
    **_service(
        "lending.v1.CollectionService",
        {
            "PayReceivable": ENTERPRISE,
            "BookReceivablePayment": OPERATOR,
            "ListReceivablePayments": OPERATOR,
            "ListCollectionEvents": OPERATOR,
            "ResolveCollectionEvent": OPERATOR,
        },
    ),
    **_service("lending.v1.ErpLedgerService", {"ListErpPayments": OPERATOR, "ReconcileErpLedger": OPERATOR}),
    **_service("lending.v1.ReferralService", {"ListReferrals": OPERATOR, "DecideReferral": OPERATOR}),
    **_service(
        "lending.v1.WarningService",
        {
            "ListWarnings": OPERATOR | SUPERVISOR,
            "GetWarning": OPERATOR | SUPERVISOR,
            "AcknowledgeWarning": OPERATOR,
            "ResolveWarning": OPERATOR,
            "ListWarningRules": OPERATOR | SUPERVISOR,
        },
    ),
    **_service(
        "accounting.v1.AccountingService",
        {
            "ListAccounts": OPERATOR | SUPERVISOR,
            "GetTrialBalance": OPERATOR | SUPERVISOR,
            "GetDayClose": OPERATOR | SUPERVISOR,
            "GetAccountStatement": OPERATOR | BORROWER,
            # A journal names what it was posted for.
            "ListJournals": OPERATOR,
            "CloseDay": OPERATOR,
        },
    ),
    **_service(
        "accounting.v1.ReconciliationService",
        {
            "ImportStatement": OPERATOR,
            "ListStatements": OPERATOR,
            "GetReconciliation": OPERATOR | SUPERVISOR,
            "ListReconciledDays": OPERATOR | SUPERVISOR,
            "ListCases": OPERATOR,
            "GetCase": OPERATOR,
            "ProposeResolution": OPERATOR,
            "DecideResolution": OPERATOR,
        },
    ),
    **_service(
        "ledger.v1.ClaimService",
        {"EvaluateClaimKey": HUB, "GetDisclosureKey": HUB, "DiscloseConflict": HUB, "ListConflicts": OPERATOR},
    ),
    **_service(
        "ledger.v1.LedgerService",
        {
            **dict.fromkeys(("GetCheckpoint", "GetInclusionProof", "GetConsistencyProof"), EVERYBODY),
            **dict.fromkeys(("GetTile", "GetEntries"), EVERYBODY),
            "GetReceipt": BORROWER | OPERATOR,
        },
    ),
    # Checkpoints carry their own signatures; whose certificate brought them says nothing more (C2SP tlog-witness).
    **_service("ledger.v1.WitnessService", {"AddCheckpoint": EVERYBODY, "GetWitnessedLog": EVERYBODY}),
}


def allowed_roles(method: str) -> frozenset[Role]:
    """The roles that may call a method by its full path; none for a method that the table does not name."""
    return POLICY.get(method, frozenset())


def check(method: str, caller: Caller) -> None:
    """Raise HuilianError UNAUTHENTICATED for a caller who should sign in first, PERMISSION_DENIED for any other."""
    allowed = allowed_roles(method)
    if caller.role in allowed:
        return
    if caller.role is Role.ANONYMOUS and allowed:
        raise HuilianError("UNAUTHENTICATED", "this call needs a token")
    raise HuilianError("PERMISSION_DENIED")
