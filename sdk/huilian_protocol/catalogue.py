"""Writes the error catalogue as Markdown: ``python -m huilian_protocol.catalogue [docs/errors.md]``."""

from __future__ import annotations

import sys
from pathlib import Path

from huilian_protocol.errors import CatalogueEntry, Fault, Retry, catalogue

__all__ = ["markdown"]

_FAULTS = {
    Fault.CALLER: "whoever called has to change something",
    Fault.PERSON: "the person has to do something",
    Fault.HUB: "the hub has to recover",
    Fault.PROVIDER: "the data source has to recover",
}
_RETRIES = {
    Retry.NEVER: "the same call will never succeed",
    Retry.AFTER_CHANGE: "call again after changing what the text says",
    Retry.BACKOFF: "call again with the same request id and growing pauses",
    Retry.LATER: "call again after minutes rather than seconds",
}
_DEFAULT = "docs/errors.md"
_HEAD = """# Error catalogue

Generated from `sdk/huilian_protocol/catalogue.json` by `python -m huilian_protocol.catalogue`; do not edit.

On gRPC an error is a `google.rpc.Status` whose `ErrorInfo` has the domain `huilian`, the code as `reason` and the
parameters as `metadata`; two `LocalizedMessage` hold the texts. Over REST it is an `application/problem+json`.
"""


def markdown() -> str:
    """The whole catalogue as one Markdown page."""
    faults = "\n".join(f"- **{fault.value}**: {text}" for fault, text in _FAULTS.items())
    retries = "\n".join(f"- **{retry.value}**: {text}" for retry, text in _RETRIES.items())
    rows = "\n".join(_row(entry) for entry in catalogue().values())
    table = f"| code | fault | retry | gRPC | HTTP | text |\n| --- | --- | --- | --- | --- | --- |\n{rows}\n"
    return f"{_HEAD}\nWhose fault:\n\n{faults}\n\nWhen to retry:\n\n{retries}\n\n{table}"


def _row(entry: CatalogueEntry) -> str:
    cells = (f"`{entry.code}`", entry.fault, entry.retry, entry.grpc, entry.http, f"{entry.text_zh}<br>{entry.text_en}")
    return f"| {' | '.join(str(cell) for cell in cells)} |"


if __name__ == "__main__":
    Path(sys.argv[1] if len(sys.argv) > 1 else _DEFAULT).write_text(markdown(), "utf-8")
