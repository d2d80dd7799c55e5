"""Statements of a bank as it would send them: camt.053 messages made from movements on an account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from xml.sax.saxutils import escape

FAMILY = "urn:iso:std:iso:20022:tech:xsd:camt.053.001."
NAMESPACE = f"{FAMILY}08"
NUMBER = "SANDBOX-CENTRAL-BANK-1"


@dataclass(frozen=True)
class Movement:
    """One booking of the bank, above 0 for money that came in."""

    day: date
    amount_fen: int
    reference: str = ""


@dataclass(frozen=True)
class Stated:
    """What one statement says. The closing balance follows unless it is stated."""

    sequence: int
    first: date
    last: date
    opening_fen: int
    movements: Sequence[Movement]
    closing_fen: int | None = None
    number: str = NUMBER

    @property
    def closes_at_fen(self) -> int:
        """The closing balance."""
        total_fen = self.opening_fen + sum(one.amount_fen for one in self.movements)
        return total_fen if self.closing_fen is None else self.closing_fen

    def document(self, version: str = "08") -> bytes:
        """The statement alone in a message."""
        return message([self], version)

    def statement(self, version: str) -> str:
        """The statement as XML."""
        entries = "".join(entry(one, version) for one in self.movements)
        return (
            f"<Stmt><Id>STMT-{self.sequence}</Id><ElctrncSeqNb>{self.sequence}</ElctrncSeqNb>"
            f"<FrToDt><FrDtTm>{self.first}T00:00:00</FrDtTm><ToDtTm>{self.last}T23:59:59</ToDtTm></FrToDt>"
            f"<Acct><Id><Othr><Id>{escape(self.number)}</Id></Othr></Id><Ccy>CNY</Ccy></Acct>"
            f"{balance('OPBD', self.opening_fen, self.first)}{balance('CLBD', self.closes_at_fen, self.last)}"
            f"{entries}</Stmt>"
        )


def message(statements: Sequence[Stated], version: str = "08") -> bytes:
    """A message of several statements."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="{FAMILY}{version}"><BkToCstmrStmt><GrpHdr>'
        "<MsgId>M1</MsgId><CreDtTm>2026-03-02T18:00:00+08:00</CreDtTm></GrpHdr>"
        f"{''.join(one.statement(version) for one in statements)}</BkToCstmrStmt></Document>"
    ).encode()


def amount(fen: int) -> str:
    """`Amt` and `CdtDbtInd`."""
    side = "CRDT" if fen >= 0 else "DBIT"
    return f'<Amt Ccy="CNY">{abs(fen) // 100}.{abs(fen) % 100:02}</Amt><CdtDbtInd>{side}</CdtDbtInd>'


def balance(code: str, fen: int, day: date) -> str:
    """One `Bal`."""
    return f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{amount(fen)}<Dt><Dt>{day}</Dt></Dt></Bal>"


def entry(one: Movement, version: str = "08") -> str:
    """One `Ntry` with its one transaction."""
    status = "BOOK" if version == "02" else "<Cd>BOOK</Cd>"
    refs = f"<Refs><EndToEndId>{escape(one.reference)}</EndToEndId></Refs>" if one.reference else ""
    return (
        f"<Ntry>{amount(one.amount_fen)}<Sts>{status}</Sts><BookgDt><Dt>{one.day}</Dt></BookgDt>"
        f"<NtryDtls><TxDtls>{refs}</TxDtls></NtryDtls></Ntry>"
    )
