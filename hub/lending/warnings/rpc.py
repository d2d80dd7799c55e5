"""Early warnings of huilian.lending.v1 on the wire."""

from __future__ import annotations

from typing import Any

from huilian.common.v1 import common_pb2
from huilian.lending.v1 import warning_service_pb2 as pb
from huilian.lending.v1 import warning_service_pb2_grpc as pb_grpc
from huilian_protocol.canonical import canonicalise

from hub.lending.service import LendingService
from hub.lending.warnings.rules import WarningRule
from hub.lending.warnings.stored import Wanted, Warned
from hub.platform.callers import Role, current_caller
from hub.platform.idempotency import Idempotency
from hub.platform.paging import DEFAULT_PAGE_SIZE


class WarningServicer(pb_grpc.WarningServiceServicer):
    """Serves operators, and supervisors who may look."""

    def __init__(self, service: LendingService, idempotency: Idempotency) -> None:
        self._warnings, self._idempotency = service.warnings, idempotency

    async def ListWarnings(self, request: pb.ListWarningsRequest, context: Any) -> pb.ListWarningsResponse:
        """Warnings, newest first."""
        wanted = Wanted(
            rule=request.rule,
            level=pb.WarningLevel.Name(request.level).removeprefix("WARNING_LEVEL_") if request.level else "",
            kind=_KIND.Name(request.subject_kind).removeprefix(_KINDS) if request.subject_kind else "",
            subject=request.subject,
            only_open=request.only_open,
        )
        size = request.page.page_size or DEFAULT_PAGE_SIZE
        page = await self._warnings.page_of(wanted, size, request.page.page_token)
        return pb.ListWarningsResponse(
            warnings=[self._warning(one) for one in page.items],
            page=common_pb2.PageResponse(next_page_token=page.next_token),
        )

    async def GetWarning(self, request: pb.GetWarningRequest, context: Any) -> pb.GetWarningResponse:
        """One warning, judged again."""
        warned = await self._warnings.get(request.warning_id)
        return pb.GetWarningResponse(warning=self._warning(warned), is_same=self._warnings.is_same(warned))

    async def AcknowledgeWarning(
        self, request: pb.AcknowledgeWarningRequest, context: Any
    ) -> pb.AcknowledgeWarningResponse:
        """Seen, and what is done."""

        async def use_case() -> pb.AcknowledgeWarningResponse:
            done = await self._warnings.acknowledge(current_caller().id, request.warning_id, request.reason)
            return pb.AcknowledgeWarningResponse(warning=self._warning(done))

        return await self._idempotency.run("AcknowledgeWarning", request, pb.AcknowledgeWarningResponse, use_case)

    async def ResolveWarning(self, request: pb.ResolveWarningRequest, context: Any) -> pb.ResolveWarningResponse:
        """Dealt with."""

        async def use_case() -> pb.ResolveWarningResponse:
            done = await self._warnings.resolve(current_caller().id, request.warning_id, request.reason)
            return pb.ResolveWarningResponse(warning=self._warning(done))

        return await self._idempotency.run("ResolveWarning", request, pb.ResolveWarningResponse, use_case)

    async def ListWarningRules(self, request: pb.ListWarningRulesRequest, context: Any) -> pb.ListWarningRulesResponse:
        """The rules in force."""
        return pb.ListWarningRulesResponse(rules=[_rule(one) for one in self._warnings.rules.in_force])

    def _warning(self, warned: Warned) -> pb.Warning:
        rule = self._warnings.rules.version(warned.rule, warned.rule_version)
        message = pb.Warning(
            warning_id=warned.warning_id,
            rule=_reason(rule),
            rule_version=warned.rule_version,
            subject_kind=_KIND.Value(f"{_KINDS}{warned.subject.kind}"),
            subject=warned.subject.id,
            business_day=warned.business_day.isoformat(),
            level=pb.WarningLevel.Value(f"WARNING_LEVEL_{warned.level}"),
            facts=warned.facts,
            state=pb.WarningState.Value(f"WARNING_STATE_{warned.state}"),
        )
        message.change_time.FromDatetime(warned.changed_at)
        if current_caller().role is Role.OPERATOR:
            message.acknowledged_by, message.acknowledged_reason = warned.acknowledged_by, warned.acknowledged_reason
            message.resolved_by, message.resolved_reason = warned.resolved_by, warned.resolved_reason
        return message


_KIND, _KINDS = pb.WarningSubjectKind, "WARNING_SUBJECT_KIND_"


def _reason(rule: WarningRule) -> common_pb2.Reason:
    return common_pb2.Reason(code=rule.rule, text_zh=rule.text_zh, text_en=rule.text_en)


def _rule(rule: WarningRule) -> pb.WarningRule:
    content = canonicalise(dict(rule.raw)).decode()
    return pb.WarningRule(rule=_reason(rule), version=rule.version, sha256=rule.sha256, content=content)
