"""The receipt inside a PDF. Only the embedded file counts: what is printed around it proves nothing.

PDF is read by `pypdf`, which is loaded when a PDF is given and not before.
"""

from __future__ import annotations

import io

MAX_PDF_BYTES = 16 * 1024 * 1024
EMBEDDED_NAME = "receipt.json"
_MAGIC = b"%PDF-"


class NoReceiptInside(ValueError):
    """The PDF holds no receipt, more than one, or cannot be read; the text says which."""


def is_pdf(data: bytes) -> bool:
    """Tell whether the bytes begin as a PDF does."""
    return data.startswith(_MAGIC)


def embedded_receipt(data: bytes) -> bytes:
    """Return the one embedded file of the name "receipt.json". Raises `NoReceiptInside`."""
    try:
        from pypdf import PdfReader
    except ImportError as error:
        raise NoReceiptInside("reading a PDF needs pypdf: pip install pypdf") from error
    try:
        found = list(PdfReader(io.BytesIO(data)).attachments.get(EMBEDDED_NAME, ()))
    except Exception as error:
        # A parser of a format this large has many ways to fail; none of them is a receipt.
        raise NoReceiptInside(f"the PDF cannot be read ({type(error).__name__})") from error
    if len(found) != 1:
        raise NoReceiptInside(f"the PDF holds {len(found)} files named {EMBEDDED_NAME}, not one")
    return bytes(found[0])
