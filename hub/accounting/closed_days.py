"""Triggers by which the database itself keeps closed days closed; for a migration's RunPython."""

from __future__ import annotations

from typing import Any

_SQLITE = (
    "CREATE TRIGGER accounting_journal_open_day BEFORE INSERT ON accounting_journal "
    "WHEN COALESCE(NEW.booked_on, NEW.value_date) <= (SELECT MAX(business_day) FROM accounting_day "
    "WHERE state = 'CLOSED' OR NEW.journal_id NOT LIKE 'close:%') "
    "BEGIN SELECT RAISE(ABORT, 'the day is closed'); END",
    "CREATE TRIGGER accounting_day_closed BEFORE UPDATE ON accounting_day WHEN OLD.state = 'CLOSED' "
    "BEGIN SELECT RAISE(ABORT, 'the day is closed'); END",
    "CREATE TRIGGER accounting_day_kept BEFORE DELETE ON accounting_day "
    "BEGIN SELECT RAISE(ABORT, 'a close is kept'); END",
)
_POSTGRES = (
    "CREATE FUNCTION accounting_refuse_closed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "IF COALESCE(NEW.booked_on, NEW.value_date) <= (SELECT MAX(business_day) FROM accounting_day "
    "WHERE state = 'CLOSED' OR NEW.journal_id NOT LIKE 'close:%') THEN "
    "RAISE EXCEPTION 'the day is closed' USING ERRCODE = '23000'; END IF; RETURN NEW; END $$",
    "CREATE TRIGGER accounting_journal_open_day BEFORE INSERT ON accounting_journal "
    "FOR EACH ROW EXECUTE FUNCTION accounting_refuse_closed()",
    "CREATE FUNCTION accounting_keep_day() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "RAISE EXCEPTION 'the day is closed' USING ERRCODE = '23000'; END $$",
    "CREATE TRIGGER accounting_day_closed BEFORE UPDATE ON accounting_day "
    "FOR EACH ROW WHEN (OLD.state = 'CLOSED') EXECUTE FUNCTION accounting_keep_day()",
    "CREATE TRIGGER accounting_day_kept BEFORE DELETE ON accounting_day "
    "FOR EACH ROW EXECUTE FUNCTION accounting_keep_day()",
)


async def closed_days_never_change(_apps: Any, schema_editor: Any) -> None:
    """No journal on a closed day, none but the close's own on a day being closed; a closed day's row stays."""
    client = schema_editor.client
    for statement in _SQLITE if client.capabilities.dialect == "sqlite" else _POSTGRES:
        await client.execute_query(statement)
