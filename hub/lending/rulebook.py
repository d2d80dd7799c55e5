"""docs/products.md: products, limits, decision tables and rules of early warning with their versions, from the data.

Made by `python -m hub.lending.rulebook > docs/products.md`; a test compares them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from huilian_protocol.canonical import parse_json, sha256_canonical

from hub.lending.decisions.tables import FOLDER as TABLES
from hub.lending.products.definitions import Product, load_versions, newest_of
from hub.lending.warnings.rules import load_rules

LIMITS = Path(__file__).parent / "limits" / "limits.json"
_HEAD = """# Products, limits and rules of decision

Generated from the JSON files in `hub/lending/` by `python -m hub.lending.rulebook`; do not edit.
A change is a new file with the next version: what was decided and lent under an older one stays and replays. Each
version's SHA-256 is that of its canonical JSON, as decisions and warnings record it (its first eight bytes here).
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD, _products(), _limits(), "## Decision tables\n", *map(_table, _tables()), _warnings()]
    return "\n".join(parts)


def _products() -> str:
    versions = load_versions()
    newest = newest_of(versions)
    rows = [_product(one, is_newest=newest[one.product_id] is one) for one in versions]
    head = (
        "product", "on offer", "amount (yuan)", "days", "advance", "fee", "repayment", "day count", "penalty",
        "two persons from (yuan)", "exits",
    )  # fmt: skip
    return f"## Products\n\n{_grid(head, rows)}"


def _product(one: Product, *, is_newest: bool) -> Sequence[object]:
    plan = one.terms["repayment"]
    every = f", every {plan['every_months']} months" if plan["every_months"] else ""
    fee = f"{one.fee_rate.normalize():f}" + (f" + {one.periodic_fee_rate:f} a period" if one.periodic_fee_rate else "")
    return (
        f"`{one.product_id}/{one.version}` {one.name_zh} ({one.name_en})",
        "yes" if is_newest else "no",
        f"{_yuan(one.least_amount_fen)} to {_yuan(one.most_amount_fen)}",
        f"{one.least_term_days} to {one.most_term_days}",
        f"{one.advance_rate.normalize():f}",
        fee,
        f"{plan['kind']}{every}, grace {plan['grace_days']} days",
        one.terms["day_count"],
        f"× {one.terms['penalty_multiplier']}",
        _yuan(one.four_eyes_from_fen),
        ", ".join(one.exits),
    )


def _limits() -> str:
    limits: Mapping[str, int] = parse_json(LIMITS.read_bytes())
    rows = [(name.lower(), _yuan(fen)) for name, fen in limits.items()]
    return f"## Shared limits until an operator sets another\n\n{_grid(('of each', 'yuan'), rows)}"


def _tables() -> list[Mapping[str, Any]]:
    read = [parse_json(path.read_bytes()) for path in TABLES.glob("*.json")]
    return sorted(read, key=lambda raw: (raw["table"], -raw["version"]))


def _table(raw: Mapping[str, Any]) -> str:
    title = f"### `{raw['table']}/{raw['version']}` · {_digest(raw)}\n"
    parts = [title, *(_node(node) for node in raw["graph"]["nodes"] if "content" in node)]
    reasons = [(f"`{code}`", text["zh"], text["en"]) for code, text in sorted(raw["reasons"].items())]
    return "\n".join([*parts, _grid(("reason", "中文", "English"), reasons)])


def _warnings() -> str:
    parts = ["## Rules of early warning\n"]
    for rule in load_rules().in_force:
        nodes = [_node(node) for node in rule.raw["graph"]["nodes"] if "content" in node]
        parts += [f"### `{rule.name}` · {_digest(rule.raw)}\n", f"{rule.text_zh} {rule.text_en}\n", *nodes]
    return "\n".join(parts)


def _node(node: Mapping[str, Any]) -> str:
    """One table of a graph: a row for each rule, the first that holds or (collect) all that do."""
    content = node["content"]
    columns = [*content["inputs"], *content["outputs"]]
    rows = [
        [f"`{cell}`" if (cell := rule.get(column["id"], "")) else "" for column in columns] for rule in content["rules"]
    ]
    hits = "all that hold" if content["hitPolicy"] == "collect" else "the first that holds"
    return f"{node['name']} ({hits}):\n\n{_grid([column['field'] for column in columns], rows)}"


def _cell(text: str) -> str:
    return f"`{text}`" if text else ""


def _digest(raw: Mapping[str, Any]) -> str:
    return f"`{sha256_canonical(dict(raw)).hex()[:16]}`"


def _yuan(fen: int) -> str:
    return f"{Decimal(fen) / 100:,.2f}"


def _grid(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(str(cell).replace('|', '·') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(page())
