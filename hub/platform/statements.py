"""One gate that every SQL statement passes before it reaches a driver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hub.platform.transactions import check_statement_owner


class StatementGate:
    """Checks the owner of the transaction and tells a test what is about to run."""

    def __init__(self) -> None:
        self.listener: Callable[[str], None] | None = None

    def pass_through(self, sql: str) -> None:
        """Let one statement pass. Raises TransactionMisuse, or whatever the test's listener raises to break here."""
        check_statement_owner()
        if self.listener is not None:
            self.listener(sql)


class GatedStatements:
    """Mixin over a Tortoise client: every way of running SQL goes through the gate first."""

    gate: StatementGate

    async def execute_insert(self, query: str, values: list[Any]) -> Any:
        self.gate.pass_through(query)
        return await super().execute_insert(query, values)  # type: ignore[misc]

    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        self.gate.pass_through(query)
        await super().execute_many(query, values)  # type: ignore[misc]

    async def execute_query(self, query: str, values: list[Any] | None = None) -> Any:
        self.gate.pass_through(query)
        return await super().execute_query(query, values)  # type: ignore[misc]

    async def execute_query_dict(self, query: str, values: list[Any] | None = None) -> Any:
        self.gate.pass_through(query)
        return await super().execute_query_dict(query, values)  # type: ignore[misc]

    async def execute_script(self, query: str) -> None:
        self.gate.pass_through(query)
        await super().execute_script(query)  # type: ignore[misc]
