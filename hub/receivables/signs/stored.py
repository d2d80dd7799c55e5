"""Statements on early signs: orders and impairments by party, and connectors in trouble."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from hub.platform.database import Database
from hub.platform.fields import in_utc
from hub.receivables.signs.store import ErpTroubleRow
from hub.receivables.states import ReceivableState
from hub.receivables.trade.model import DocumentKind
from hub.receivables.trade.stored import WITHDRAWN

# Both databases read a text out of JSON by ->>; days compare as texts.
_ORDERS = """
SELECT uscc, SUM(CASE WHEN day >= $3 AND day <= $4 THEN fen ELSE 0 END) AS recent_fen,
    SUM(CASE WHEN day <= $2 THEN fen ELSE 0 END) AS before_fen
FROM ( SELECT {column} AS uscc, content->>'issue_date' AS day, CAST(content->>'payable_amount_fen' AS BIGINT) AS fen
    FROM receivables_document WHERE kind = $5 AND is_current AND erp_state <> $6 AND {column} <> '' ) orders
WHERE day >= $1 AND day <= $4 GROUP BY uscc
HAVING SUM(CASE WHEN day >= $3 AND day <= $4 THEN fen ELSE 0 END) < SUM(CASE WHEN day <= $2 THEN fen ELSE 0 END)
ORDER BY uscc
"""
_IMPAIRED = """
SELECT uscc, SUM(dispute) AS disputes, SUM(dilution) AS dilutions FROM (
    SELECT r.{column} AS uscc, 1 AS dispute, 0 AS dilution FROM receivables_dispute d
        JOIN receivables_receivable r ON r.receivable_id = d.receivable_id WHERE d.disputed_at >= $1
    UNION ALL SELECT {column}, 0, 1 FROM receivables_receivable WHERE state = $2 ) cases
GROUP BY uscc ORDER BY uscc
"""
_FAILED = """
INSERT INTO receivables_erp_trouble (buyer_uscc, failures, since, code) VALUES ($1, 1, $2, $3)
ON CONFLICT (buyer_uscc) DO UPDATE SET failures = receivables_erp_trouble.failures + 1, code = excluded.code
"""


async def fallen_orders(database: Database, column: str, days: Sequence[str]) -> list[dict[str, Any]]:
    """Orders by party in two periods ("before" and "recent": first and last day of each), where they fell."""
    return await database.fetch(_ORDERS.format(column=column), *days, DocumentKind.ORDER.value, WITHDRAWN)


async def impaired(database: Database, column: str, since: dt.datetime) -> list[dict[str, Any]]:
    """Disputes since a time, and what is diluted, by party."""
    return await database.fetch(_IMPAIRED.format(column=column), in_utc(since), ReceivableState.DILUTED.value)


async def erp_failed(database: Database, buyer_uscc: str, code: str, now: dt.datetime) -> None:
    """One more attempt failed."""
    await database.execute(_FAILED, buyer_uscc, in_utc(now), code)


async def erp_answered(buyer_uscc: str) -> None:
    """An attempt succeeded: the trouble is over."""
    await ErpTroubleRow.filter(buyer_uscc=buyer_uscc).delete()


async def erp_troubles() -> list[ErpTroubleRow]:
    """Connectors in trouble, by buyer."""
    return await ErpTroubleRow.all().order_by("buyer_uscc")
