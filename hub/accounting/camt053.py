"""A bank's statements as they come: a camt.053 message (ISO 20022 BankToCustomerStatement), read strictly.

Versions 001.02, which many hosts still send, and 001.08 to 001.13, which differ in nothing that is read here. A message
that says anything twice, in another version or currency, or whose figures do not add up, is refused as a whole: nobody
may guess what a bank meant. Names of counterparties and remittance texts are not read at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from hashlib import sha256
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from huilian_protocol.errors import HuilianError

_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001."
OLD, NEW = "02", ("08", "09", "10", "11", "12", "13")
MOST_STATEMENTS = 100
CURRENCY = "CNY"
LONGEST_TEXT = 35
"""Max35Text: ids and references of the standard."""
MOST_ENTRIES = 20_000
FIRST_YEAR, MOST_DAYS = 2000, 366

_CHINA = timezone(timedelta(hours=8))
_AMOUNT = re.compile(r"\A(0|[1-9][0-9]{0,12})(?:\.([0-9]{1,2}))?\Z", re.ASCII)
_NUMBER = re.compile(r"\A[0-9]{1,18}\Z", re.ASCII)
_SIGNS = {"CRDT": 1, "DBIT": -1}


@dataclass(frozen=True)
class StatementEntry:
    """One booking on the account; `amount_fen` is above 0 for money that came in, below for money that left.

    `reference` is the payer's EndToEndId and `bank_reference` the bank's own; each may be empty.
    """

    number: int
    booked_on: date
    amount_fen: int
    reference: str
    bank_reference: str


@dataclass(frozen=True)
class BankStatement:
    """One statement: of the days `from_date` to `to_date`, both inclusive; balances in fen, below 0 when overdrawn.

    `content_sha256` is of the statement as it stands in its message, whatever stands around it.
    """

    statement_id: str
    account_number: str
    sequence: int
    from_date: date
    to_date: date
    opening_fen: int
    closing_fen: int
    entries: tuple[StatementEntry, ...]
    content_sha256: bytes


def read_statements(document: bytes) -> tuple[BankStatement, ...]:
    """The statements of a message, those of an account in their sequence.

    Raises INVALID_ARGUMENT (field "camt053") that names the element which is wrong, never a value of it.
    """
    try:
        root = fromstring(document, forbid_dtd=True)
    except (DefusedXmlException, ParseError, ValueError, LookupError) as error:
        raise _refused("not plain XML") from error
    message = _one(_plain(root), "BkToCstmrStmt")
    _check_whole(_one(message, "GrpHdr"), "MsgPgntn")
    found = _all(message, "Stmt")
    if not 0 < len(found) <= MOST_STATEMENTS:
        raise _refused(f"not 1 to {MOST_STATEMENTS} Stmt")
    read = [_statement(stmt) for stmt in found]
    names = {(one.account_number, one.statement_id) for one in read}
    if min(len(names), len({(one.account_number, one.sequence) for one in read})) != len(read):
        raise _refused("a Stmt stands twice")
    return tuple(sorted(read, key=lambda one: (one.account_number, one.sequence)))


def _plain(root: Element) -> Element:
    """The document without its one namespace, in the words of the newer versions."""
    namespace, _, name = str(root.tag).removeprefix("{").partition("}")
    version = namespace.removeprefix(_NAMESPACE)
    if name != "Document" or not namespace.startswith(_NAMESPACE) or version not in (OLD, *NEW):
        raise _refused("not a document of a camt.053 that is read here")
    for element in root.iter():
        if not str(element.tag).startswith(f"{{{namespace}}}"):
            raise _refused("elements of another namespace")
        element.tag = _name(element)
    if version == OLD:
        _renew(root)
    return root


def _renew(root: Element) -> None:
    """Version 02 has the status as a plain code, and a transaction's amount within its details."""
    for entry in root.iter("Ntry"):
        status = _one(entry, "Sts")
        SubElement(status, "Cd").text = _leaf(status)
        for details in _all(entry, "NtryDtls/TxDtls"):
            if _optional(details, "Amt") is not None or _optional(details, "CdtDbtInd") is not None:
                raise _refused("TxDtls with an Amt that version 02 does not have")
            amount = _optional(details, "AmtDtls/TxAmt/Amt")
            if amount is not None:
                details.append(amount)


def _check_whole(parent: Element, paging: str) -> None:
    last_page = _optional(parent, f"{paging}/LastPgInd")
    if last_page is not None and _leaf(last_page) != "true":
        raise _refused("one page of several")


def _statement(stmt: Element) -> BankStatement:
    stmt.tail = None
    content = sha256(tostring(stmt)).digest()
    _check_whole(stmt, "StmtPgntn")
    account = _one(stmt, "Acct")
    if _text(account, "Ccy") != CURRENCY:
        raise _refused("Acct/Ccy is not CNY")
    opening_fen, closing_fen = _balances(stmt)
    first, last = _day(_one(stmt, "FrToDt/FrDtTm")), _day(_one(stmt, "FrToDt/ToDtTm"))
    statement = BankStatement(
        statement_id=_text(stmt, "Id"),
        account_number=_account_number(account),
        sequence=_whole(_text(stmt, "ElctrncSeqNb"), "ElctrncSeqNb"),
        from_date=first,
        to_date=last,
        opening_fen=opening_fen,
        closing_fen=closing_fen,
        entries=tuple(_entries(stmt)),
        content_sha256=content,
    )
    _check(statement, stmt)
    return statement


def _check(statement: BankStatement, stmt: Element) -> None:
    """What a statement says of itself must be true of it."""
    entries = statement.entries
    if statement.from_date > statement.to_date:
        raise _refused("FrToDt ends before it begins")
    if statement.from_date.year < FIRST_YEAR or (statement.to_date - statement.from_date).days >= MOST_DAYS:
        raise _refused("FrToDt is no period of a statement")
    if statement.opening_fen + sum(entry.amount_fen for entry in entries) != statement.closing_fen:
        raise _refused("opening balance and entries do not make the closing balance")
    if any(not statement.from_date <= entry.booked_on <= statement.to_date for entry in entries):
        raise _refused("Ntry booked outside FrToDt")
    stated = _optional(stmt, "TxsSummry/TtlNtries/NbOfNtries")
    if stated is not None and _whole(_leaf(stated), "NbOfNtries") != len(_all(stmt, "Ntry")):
        raise _refused("NbOfNtries is not the number of entries")


def _balances(stmt: Element) -> tuple[int, int]:
    found: dict[str, int] = {}
    for balance in _all(stmt, "Bal"):
        code = _text(balance, "Tp/CdOrPrtry/Cd")
        if code in found:
            raise _refused(f"Bal {code} stands twice" if code in ("OPBD", "CLBD") else "a kind of Bal stands twice")
        found[code] = _signed(balance)
    if not {"OPBD", "CLBD"} <= found.keys():
        raise _refused("Bal OPBD or CLBD is missing")
    return found["OPBD"], found["CLBD"]


def _account_number(account: Element) -> str:
    """IBAN or the bank's own number; the standard has exactly one of them."""
    iban, other = _optional(account, "Id/IBAN"), _optional(account, "Id/Othr/Id")
    if (iban is None) == (other is None):
        raise _refused("Acct/Id has no or two numbers")
    return _text(account, "Id/IBAN" if other is None else "Id/Othr/Id")


def _entries(stmt: Element) -> Iterator[StatementEntry]:
    number = 0
    for entry in _all(stmt, "Ntry"):
        for made in _transactions(entry):
            number += 1
            if number > MOST_ENTRIES:
                raise _refused(f"more than {MOST_ENTRIES} entries")
            yield StatementEntry(number, *made)


def _transactions(entry: Element) -> list[tuple[date, int, str, str]]:
    """An entry is one booking, or a batch whose transactions together are its amount."""
    if _text(entry, "Sts/Cd") != "BOOK":
        raise _refused("Ntry that is not booked")
    booked_on, amount_fen = _entry_day(_one(entry, "BookgDt")), _signed(entry)
    if not amount_fen:
        raise _refused("Ntry of nothing")
    bank_reference = _text_or_empty(entry, "AcctSvcrRef")
    details, side = _all(entry, "NtryDtls/TxDtls"), _text(entry, "CdtDbtInd")
    if len(details) <= 1:
        reference = _text_or_empty(details[0], "Refs/EndToEndId") if details else ""
        if details and _optional(details[0], "Amt") is not None and _sum(details, side) != amount_fen:
            raise _refused("TxDtls of another amount than its Ntry")
        return [(booked_on, amount_fen, reference, bank_reference)]
    if _sum(details, side) != amount_fen:
        raise _refused("TxDtls of another amount than their Ntry")
    return [(booked_on, _signed(one, side), _text_or_empty(one, "Refs/EndToEndId"), bank_reference) for one in details]


def _sum(details: list[Element], side: str) -> int:
    amounts = [_signed(one, side) for one in details]
    if not all(amounts):
        raise _refused("TxDtls of nothing")
    return sum(amounts)


def _signed(parent: Element, side: str = "") -> int:
    """Amount and side; `side` for a transaction that leaves it to its entry."""
    amount, stated = _one(parent, "Amt"), _optional(parent, "CdtDbtInd")
    sign = _SIGNS.get(side if stated is None else _leaf(stated))
    match = _AMOUNT.match(_leaf(amount))
    if amount.get("Ccy") != CURRENCY:
        raise _refused("Amt is not in CNY")
    if match is None or sign is None:
        raise _refused("Amt or CdtDbtInd is none")
    return sign * (int(match[1]) * 100 + int((match[2] or "").ljust(2, "0")))


def _entry_day(parent: Element) -> date:
    """DateAndDateTimeChoice."""
    plain, moment = _optional(parent, "Dt"), _optional(parent, "DtTm")
    if (plain is None) == (moment is None):
        raise _refused("BookgDt has no or two dates")
    return _day(plain if plain is not None else _one(parent, "DtTm"))


def _day(element: Element) -> date:
    """The day in China of an ISODate or ISODateTime; without an offset it is local time."""
    try:
        moment = datetime.fromisoformat(_leaf(element))
        return (moment if moment.tzinfo is None else moment.astimezone(_CHINA)).date()
    except (ValueError, OverflowError) as error:
        raise _refused(f"{_name(element)} is no date") from error


def _whole(text: str, name: str) -> int:
    if not _NUMBER.match(text):
        raise _refused(f"{name} is no number")
    return int(text)


def _text(parent: Element, path: str) -> str:
    text = _leaf(_one(parent, path))
    if not 0 < len(text) <= LONGEST_TEXT or not text.isprintable() or text != text.strip():
        raise _refused(f"{path} is no Max35Text")
    return text


def _leaf(element: Element) -> str:
    if len(element):
        raise _refused(f"{_name(element)} holds elements")
    return element.text or ""


def _text_or_empty(parent: Element, path: str) -> str:
    return "" if _optional(parent, path) is None else _text(parent, path)


def _one(parent: Element, path: str) -> Element:
    found = _optional(parent, path)
    if found is None:
        raise _refused(f"{path} is missing")
    return found


def _optional(parent: Element, path: str) -> Element | None:
    found = _all(parent, path)
    if len(found) > 1:
        raise _refused(f"{path} stands more than once")
    return found[0] if found else None


def _all(parent: Element, path: str) -> list[Element]:
    return parent.findall(path)


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _refused(detail: str) -> HuilianError:
    return HuilianError("INVALID_ARGUMENT", detail, field="camt053")
