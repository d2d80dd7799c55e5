"""`python -m ledger.verify FILE [--trust FILE]`: check receipts and consents offline; exit 0 when every check holds."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from huilian_protocol.canonical import canonicalise, parse_json
from huilian_protocol.trust import TrustAnchors

from ledger.verify.files import verify_file
from ledger.verify.pdf import embedded_receipt

TRUST_FILE = "trust-anchors.json"


def main() -> int:
    """Print each check. Return 0 when all hold, 1 when one fails, 2 when a file cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m ledger.verify", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument(
        "--trust", type=Path, help=f"pinned keys; by default {TRUST_FILE} beside the file or one folder up"
    )
    arguments = parser.parse_args()
    try:
        return max(_report(path, _trust(path, arguments.trust)) for path in arguments.files)
    except (OSError, ValueError) as error:
        print(f"无法读取 cannot read: {error}", file=sys.stderr)
        return 2


def _trust(path: Path, given: Path | None) -> TrustAnchors:
    folder = path.resolve().parent
    candidates = [given] if given else [folder / TRUST_FILE, folder.parent / TRUST_FILE]
    for candidate in candidates:
        if candidate.exists():
            return TrustAnchors.load(candidate)
    raise FileNotFoundError(f"no trust anchors at {', '.join(map(str, candidates))}")


def _report(path: Path, trust: TrustAnchors) -> int:
    verdict = verify_file(path, trust)
    print(f"{path.name} ({verdict.kind})")
    if path.suffix.lower() == ".pdf" and verdict.kind == "receipt":
        _print_content(path)
    for check in verdict.checks:
        print(f"  {'✓' if check.ok else '✗'} {check.name}: {check.reason}")
    print("  核验通过 verified" if verdict.ok else "  核验未通过 NOT VERIFIED")
    return 0 if verdict.ok else 1


def _print_content(path: Path) -> None:
    """What the receipt inside states: the printed page could say something else."""
    print("  PDF 内嵌回执的内容（以此为准） what the receipt inside states, which is what counts:")
    content = parse_json(embedded_receipt(path.read_bytes()))["record"]["content"]
    for key, value in content.items():
        print(f"    {key}: {canonicalise(value).decode()}")


if __name__ == "__main__":
    sys.exit(main())
