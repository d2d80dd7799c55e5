"""Early warning: ``hub.warnings``. For operators; supervisors may look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from huilian.common.v1 import common_pb2
from huilian.lending.v1 import warning_service_pb2 as pb

from huilian_sdk._calls import Call, Calls
from huilian_sdk._pages import Pages

_SERVICE = "huilian.lending.v1.WarningService"


@dataclass(frozen=True, slots=True)
class Warnings:
    """What the rules of early warning found about parties, and what was done about it."""

    calls: Calls

    def list(
        self, *, severity: str = "", subject_kind: str = "", subject: str = "", rule: str = "", only_open: bool = False
    ) -> Pages[pb.Warning]:
        """Warnings, newest first. ``severity`` is "WATCH", "AMBER" or "RED", ``subject_kind`` "BUYER", "SUPPLIER",
        "GROUP" or "CONNECTOR"; what is empty does not narrow the list.
        """
        wanted = pb.ListWarningsRequest(
            level=pb.WarningLevel.Value(f"WARNING_LEVEL_{severity or 'UNSPECIFIED'}"),
            subject_kind=pb.WarningSubjectKind.Value(f"WARNING_SUBJECT_KIND_{subject_kind or 'UNSPECIFIED'}"),
            subject=subject,
            rule=rule,
            only_open=only_open,
        )

        async def fetch(page: common_pb2.PageRequest) -> tuple[list[pb.Warning], common_pb2.PageResponse]:
            request = pb.ListWarningsRequest()
            request.CopyFrom(wanted)
            request.page.CopyFrom(page)
            answer = await self.calls.unary(_SERVICE, request, pb.ListWarningsResponse)
            return [*answer.warnings], answer.page

        return Pages(fetch)

    async def get(self, warning_id: str, *, call: Call | None = None) -> pb.GetWarningResponse:
        """One warning, judged again by the rule that gave it."""
        request = pb.GetWarningRequest(warning_id=warning_id)
        return await self.calls.unary(_SERVICE, request, pb.GetWarningResponse, call)

    async def acknowledge(self, warning_id: str, reason: str, *, call: Call | None = None) -> pb.Warning:
        """Say that it was seen, and what is done."""
        request = pb.AcknowledgeWarningRequest(warning_id=warning_id, reason=reason)
        return (await self.calls.unary(_SERVICE, request, pb.AcknowledgeWarningResponse, call)).warning

    async def resolve(self, warning_id: str, reason: str, *, call: Call | None = None) -> pb.Warning:
        """Say that it is dealt with; a later day may raise it anew."""
        request = pb.ResolveWarningRequest(warning_id=warning_id, reason=reason)
        return (await self.calls.unary(_SERVICE, request, pb.ResolveWarningResponse, call)).warning

    async def rules(self, *, call: Call | None = None) -> Sequence[pb.WarningRule]:
        """The rules in force, with their tables."""
        return (await self.calls.unary(_SERVICE, pb.ListWarningRulesRequest(), pb.ListWarningRulesResponse, call)).rules
