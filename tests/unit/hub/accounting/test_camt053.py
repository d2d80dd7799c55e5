"""Reading a bank's statement: what is right is read exactly, what is not is refused as a whole."""

from __future__ import annotations

from datetime import date

import pytest
from huilian_protocol.errors import HuilianError
from hypothesis import given
from hypothesis import strategies as st

from hub.accounting.camt053 import NEW, OLD, BankStatement, read_statements
from tests.support.statements import NAMESPACE, Movement, Stated, message

DAY = date(2026, 3, 2)
STATED = Stated(7, DAY, DAY, 100_05, [Movement(DAY, 50, "OURS-1"), Movement(DAY, -1_00)])


VERSIONS = st.sampled_from([OLD, *NEW])


def read_statement(document: bytes) -> BankStatement:
    """The one statement of a message."""
    (read,) = read_statements(document)
    return read


def test_a_statement_is_read_exactly() -> None:
    read = read_statement(STATED.document())
    assert (read.statement_id, read.account_number, read.sequence) == ("STMT-7", STATED.number, 7)
    assert (read.from_date, read.to_date, read.opening_fen, read.closing_fen) == (DAY, DAY, 100_05, 99_55)
    assert [(one.number, one.amount_fen, one.reference) for one in read.entries] == [(1, 50, "OURS-1"), (2, -100, "")]


@given(st.integers(-(10**14), 10**14), st.lists(st.integers(-(10**12), 10**12).filter(bool), max_size=5), VERSIONS)
def test_amounts_come_back_to_the_fen_in_every_version(opening_fen: int, amounts: list[int], version: str) -> None:
    stated = Stated(1, DAY, DAY, opening_fen, [Movement(DAY, fen) for fen in amounts])
    read = read_statement(stated.document(version))
    assert (read.opening_fen, [one.amount_fen for one in read.entries]) == (opening_fen, amounts)


def test_a_batch_is_its_transactions() -> None:
    batch = (
        '<NtryDtls><TxDtls><Refs><EndToEndId>A</EndToEndId></Refs><Amt Ccy="CNY">0.20</Amt></TxDtls>'
        '<TxDtls><Amt Ccy="CNY">0.30</Amt><CdtDbtInd>CRDT</CdtDbtInd></TxDtls></NtryDtls></Ntry>'
    )
    single = "<NtryDtls><TxDtls><Refs><EndToEndId>OURS-1</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>"
    document = STATED.document().decode()
    entries = read_statement(document.replace(single, batch).encode()).entries
    assert [(one.amount_fen, one.reference) for one in entries] == [(20, "A"), (30, ""), (-100, "")]
    refuses(document.replace(single, batch.replace("0.30", "0.31")), "another amount")


def refuses(document: str | bytes, detail: str) -> None:
    with pytest.raises(HuilianError) as refused:
        read_statement(document if isinstance(document, bytes) else document.encode())
    assert (refused.value.code, refused.value.params["field"]) == ("INVALID_ARGUMENT", "camt053")
    assert detail in (refused.value.detail or "")


ENTITY = '<!DOCTYPE Document [<!ENTITY x "1">]>'
BOMB = '<!DOCTYPE Document [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE Document SYSTEM "file:///etc/passwd">'
CHANGES = [
    ("<Document", ENTITY + "<Document", "not plain XML"),
    ("<Document", BOMB + "<Document", "not plain XML"),
    ("<Document", OUTSIDE + "<Document", "not plain XML"),
    ("</Document>", "", "not plain XML"),
    ("camt.053.001.08", "camt.053.001.02", "holds elements"),
    ("camt.053.001.08", "camt.053.001.03", "not a document"),
    ("camt.053.001.08", "camt.053.001.14", "not a document"),
    ("camt.053.001.08", "camt.052.001.08", "not a document"),
    ("<Ntry>", '<Ntry xmlns="urn:other">', "another namespace"),
    ("<Ccy>CNY", "<Ccy>USD", "Acct/Ccy"),
    ('<Amt Ccy="CNY">0.50', '<Amt Ccy="USD">0.50', "not in CNY"),
    ('<Amt Ccy="CNY">0.50', "<Amt>0.50", "not in CNY"),
    (">0.50<", ">0.51<", "do not make the closing balance"),
    (">0.50<", ">0.500<", "Amt or CdtDbtInd"),
    (">0.50<", ">-0.50<", "Amt or CdtDbtInd"),
    (">0.50<", ">0,50<", "Amt or CdtDbtInd"),
    (">0.50<", ">٠.50<", "Amt or CdtDbtInd"),
    (">0.50<", "><Amt/>0.50<", "holds elements"),
    (">0.50<", ">0.00<", "of nothing"),
    ("BOOK", "PDNG", "not booked"),
    ("OPBD", "CLBD", "stands twice"),
    ("OPBD", "ITBD", "is missing"),
    ("<BookgDt><Dt>2026-03-02", "<BookgDt><Dt>2026-03-03", "outside FrToDt"),
    ("<BookgDt><Dt>2026-03-02", "<BookgDt><Dt>2026-02-30", "no date"),
    ("<BookgDt><Dt>2026-03-02</Dt>", "<BookgDt>", "no or two dates"),
    ("T00:00:00</FrDtTm>", "T00:00:00</FrDtTm><FrDtTm>2026-03-01</FrDtTm>", "more than once"),
    ("2026-03-02T00:00:00", "2026-03-03T00:00:00", "ends before"),
    ("2026-03-02T00:00:00", "2025-03-01T00:00:00", "no period"),
    ("2026-03-02T00:00:00", "0001-01-01T00:00:00", "no period"),
    ("<ElctrncSeqNb>7", "<ElctrncSeqNb>x", "no number"),
    ("<ElctrncSeqNb>7</ElctrncSeqNb>", "", "is missing"),
    ("<Id>STMT-7", "<Id>" + "x" * 36, "no Max35Text"),
    ("<Id>STMT-7", "<Id> STMT-7", "no Max35Text"),
    ("<Othr>", "<IBAN>CN1</IBAN><Othr>", "no or two numbers"),
    ("<Bal>", "<TxsSummry><TtlNtries><NbOfNtries>3</NbOfNtries></TtlNtries></TxsSummry><Bal>", "NbOfNtries"),
    ("</GrpHdr>", "<MsgPgntn><LastPgInd>false</LastPgInd></MsgPgntn></GrpHdr>", "one page of several"),
    ("</BkToCstmrStmt>", "<Stmt></Stmt></BkToCstmrStmt>", "is missing"),
    ("<Stmt>", "<Stmt><StmtPgntn><LastPgInd>false</LastPgInd></StmtPgntn>", "one page of several"),
]


@pytest.mark.parametrize(("before", "after", "detail"), CHANGES)
def test_what_is_not_a_clean_statement_is_refused(before: str, after: str, detail: str) -> None:
    document = STATED.document().decode()
    assert before in document
    refuses(document.replace(before, after, 1), detail)


@given(st.binary(max_size=200))
def test_noise_is_refused_and_nothing_else_happens(noise: bytes) -> None:
    refuses(noise, "not ")


def test_another_document_is_refused() -> None:
    refuses(f'<Statement xmlns="{NAMESPACE}"/>', "not a document")
    refuses(STATED.document().decode().replace("UTF-8", "no-such-encoding"), "not plain XML")


@given(st.permutations(range(1, 5)), st.sampled_from(["A", "B"]), VERSIONS)
def test_several_statements_come_in_their_sequence(order: list[int], number: str, version: str) -> None:
    made = [Stated(each, DAY, DAY, each, [Movement(DAY, each)], number=number if each % 2 else "C") for each in order]
    read = read_statements(message(made, version))
    keys = [(one.account_number, one.sequence) for one in read]
    assert keys == sorted((one.number, one.sequence) for one in made)
    assert [one.closing_fen for one in read] == [2 * one.sequence for one in read]
    # A statement is the same alone and among others.
    alone = {read_statement(one.document(version)).content_sha256 for one in made}
    assert {one.content_sha256 for one in read} == alone


def test_one_wrong_statement_spoils_its_message() -> None:
    good, wrong = STATED, Stated(8, DAY, DAY, 0, [], closing_fen=1)
    refuses(message([good, wrong]), "do not make the closing balance")
    refuses(message([good, good]), "stands twice")
    refuses(message([]), "not 1 to")
    refuses(message([Stated(each, DAY, DAY, 0, []) for each in range(101)]), "not 1 to")


def test_version_02_has_a_transactions_amount_in_its_details() -> None:
    batch = (
        "<NtryDtls><TxDtls><Refs><EndToEndId>A</EndToEndId></Refs>"
        '<AmtDtls><TxAmt><Amt Ccy="CNY">0.20</Amt></TxAmt></AmtDtls></TxDtls>'
        '<TxDtls><AmtDtls><TxAmt><Amt Ccy="CNY">0.30</Amt></TxAmt></AmtDtls></TxDtls></NtryDtls></Ntry>'
    )
    single = "<NtryDtls><TxDtls><Refs><EndToEndId>OURS-1</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>"
    document = STATED.document(OLD).decode()
    assert single in document
    entries = read_statement(document.replace(single, batch).encode()).entries
    assert [(one.amount_fen, one.reference) for one in entries] == [(20, "A"), (30, ""), (-100, "")]
    refuses(document.replace(single, batch.replace("0.30", "0.31")), "another amount")
    refuses(document.replace("<TxDtls>", '<TxDtls><Amt Ccy="CNY">0.50</Amt>', 1), "does not have")
