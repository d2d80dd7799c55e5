"""The tax bureau's documents: `<service>` with a flat `<head>` and a `<body>`, in GB18030, signed by HMAC-SM3.

The connector and the sandbox share this description. A body holds text elements and, for lists, `<mx>` with `<row>`s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree

from cryptography.hazmat.primitives import hashes, hmac

QUERY_PATH = "/sbzs/service/query"
PERSONAL_INCOME, ENTERPRISE, PING = "SBZS.GRSDS.SRNS", "SBZS.QY.NSXY", "SBZS.PING"
SIGN_HEADER = "Tax-Sign"
_DECLARATION = re.compile(r"\A<\?xml version=\"1\.0\" encoding=\"GB18030\"\?>")


@dataclass(frozen=True, slots=True)
class Document:
    """A document read or to be written; values are text."""

    head: Mapping[str, str]
    body: Mapping[str, str] = field(default_factory=dict)
    rows: tuple[Mapping[str, str], ...] = ()


def sign(key_hex: str, content: bytes) -> str:
    """HMAC-SM3 (GB/T 32905) over the whole document, lower-case hex."""
    mac = hmac.HMAC(bytes.fromhex(key_hex), hashes.SM3())
    mac.update(content)
    return mac.finalize().hex()


def write(document: Document) -> bytes:
    """The document in GB18030, which holds every character that Unicode does."""
    root = ElementTree.Element("service")
    _fill(ElementTree.SubElement(root, "head"), document.head.items())
    body = ElementTree.SubElement(root, "body")
    _fill(body, document.body.items())
    listing = ElementTree.SubElement(body, "mx")
    for row in document.rows:
        _fill(ElementTree.SubElement(listing, "row"), row.items())
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="GB18030"?>{text}'.encode("gb18030")


def read(content: bytes) -> Document:
    """Read a document; ValueError for anything that is not exactly one."""
    # expat does not know GB18030, so the bytes are decoded here and the declaration is taken off.
    text, declared = _DECLARATION.subn("", content.decode("gb18030"))
    # Without <! there is no DTD, hence no entity that could expand or reach for a file.
    if declared != 1 or "<!" in text:
        raise ValueError("not a tax document")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314  DTDs are refused above
    except ElementTree.ParseError:
        raise ValueError("not well-formed") from None
    head, body = root.find("head"), root.find("body")
    if root.tag != "service" or head is None or body is None:
        raise ValueError("not a tax document")
    rows = tuple(_values(row) for row in body.findall("mx/row"))
    return Document(_values(head), {name: text for name, text in _values(body).items() if name != "mx"}, rows)


def _fill(parent: ElementTree.Element, values: Iterable[tuple[str, str]]) -> None:
    for name, value in values:
        ElementTree.SubElement(parent, name).text = value


def _values(parent: ElementTree.Element) -> dict[str, str]:
    values = {child.tag: child.text or "" for child in parent}
    if len(values) != len(parent):
        raise ValueError("an element stands twice")
    return values
