"""HTML templates to PDF/A-3, with files embedded: what is printed and what can be verified travel as one file.

Nothing is fetched while rendering: templates, styles and pictures come from this package or as data in the page.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import segno
from jinja2 import Environment, PackageLoader, StrictUndefined

PDF_VARIANT = "pdf/a-3u"
"""Archival PDF that may hold other files, with text that can be copied (ISO 19005-3)."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside the document. `description` is shown by PDF readers."""

    name: str
    data: bytes
    description: str


def render(template: str, values: Mapping[str, Any], attachments: Sequence[Attachment], at: datetime) -> bytes:
    """Return the PDF of `templates/<template>.html` filled with `values`, dated `at`.

    Raises jinja2.UndefinedError when the template asks for a value that is not there, and weasyprint's
    FatalURLFetchingError when it asks for a file.
    """
    import weasyprint  # 0.3 s to import, and only a renderer needs it
    from weasyprint.urls import URLFetcher

    html = environment().get_template(f"{template}.html").render(**values)
    document = weasyprint.HTML(
        string=html, base_url=None, url_fetcher=URLFetcher(allowed_protocols=(), fail_on_errors=True)
    )
    files = [
        weasyprint.Attachment(
            file_obj=io.BytesIO(file.data),
            name=file.name,
            description=file.description,
            created=at,
            modified=at,
            relationship="Source",
        )
        for file in attachments
    ]
    pdf: bytes = document.write_pdf(attachments=files, pdf_variant=PDF_VARIANT)
    return pdf


@cache
def environment() -> Environment:
    """The templates; every value is escaped, and a value that is missing is an error."""
    loader = PackageLoader("documents", "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def qr_svg(text: str) -> str:
    """Return a QR code as SVG markup for a template; error correction M, for prints that get a little dirty."""
    stream = io.BytesIO()
    segno.make(text, error="m", micro=False).save(stream, kind="svg", scale=2, xmldecl=False, svgns=True)
    return stream.getvalue().decode()
