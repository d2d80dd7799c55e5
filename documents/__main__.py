"""`python -m documents RECEIPT.json [OUT.pdf] [--verifier URL]`: a receipt as a PDF that carries the receipt."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from huilian_protocol.errors import HuilianError

from documents.receipt import receipt_pdf

VERIFIER = "https://verify.huilian.example/"


def main() -> int:
    """Return 0 when the PDF was written, 2 when the receipt cannot be read or is none."""
    parser = argparse.ArgumentParser(prog="python -m documents", description=__doc__)
    parser.add_argument("receipt", type=Path)
    parser.add_argument("out", type=Path, nargs="?", help="by default beside the receipt, with .pdf")
    parser.add_argument("--verifier", default=VERIFIER, help=f"the verifier's page (default {VERIFIER})")
    arguments = parser.parse_args()
    out: Path = arguments.out or arguments.receipt.with_suffix(".pdf")
    try:
        out.write_bytes(receipt_pdf(arguments.receipt.read_bytes(), arguments.verifier))
    except HuilianError as error:
        print(f"不是回执 not a receipt: {error.detail}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"无法读写 cannot read or write: {error}", file=sys.stderr)
        return 2
    print(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
