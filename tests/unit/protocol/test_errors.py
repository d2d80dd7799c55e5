"""The catalogue is complete and usable, and errors survive the wire."""

from __future__ import annotations

import re
from pathlib import Path

import grpc
import pytest
from google.rpc import code_pb2
from grpc.aio import AioRpcError, Metadata
from huilian_protocol import catalogue as page
from huilian_protocol.errors import Fault, HuilianError, Retry, catalogue, malformed_uscc
from huilian_protocol.status import from_rpc_error, to_rpc_status

ROOT = Path(__file__).parents[3]
CODES = list(catalogue())
# google.rpc.Code -> HTTP, where it is fixed by google/rpc/code.proto; the others are chosen per code.
HTTP = {"INVALID_ARGUMENT": {400}, "UNAUTHENTICATED": {401}, "PERMISSION_DENIED": {403}, "NOT_FOUND": {404}}
HTTP |= {"ALREADY_EXISTS": {409}, "FAILED_PRECONDITION": {409}, "RESOURCE_EXHAUSTED": {429}}
HTTP |= {"INTERNAL": {500, 502}, "UNAVAILABLE": {503}, "DEADLINE_EXCEEDED": {504}}


def wire(error: HuilianError) -> AioRpcError:
    """The error as a client's grpc.aio call raises it."""
    status = to_rpc_status(error)
    trailers = Metadata(("other", "x"), ("grpc-status-details-bin", status.SerializeToString()))
    return AioRpcError(getattr(grpc.StatusCode, error.entry.grpc), Metadata(), trailers, details=status.message)


def test_the_catalogue_stays_small_and_unique() -> None:
    text = (ROOT / "sdk/huilian_protocol/catalogue.json").read_text("utf-8")
    assert len(re.findall(r'"code":', text)) == len(CODES) <= 60


@pytest.mark.parametrize("code", CODES)
def test_every_entry_is_well_formed(code: str) -> None:
    entry = catalogue()[code]
    assert re.fullmatch(r"[A-Z][A-Z_]+", code)
    assert entry.grpc in code_pb2.Code.keys()  # noqa: SIM118  an enum wrapper is no dict
    assert entry.http in HTTP[entry.grpc]
    assert re.search("[\u4e00-\u9fff]", entry.text_zh) and entry.text_zh.endswith("。")
    assert entry.text_en.endswith(".") and not re.search("[\u4e00-\u9fff]", entry.text_en)
    assert re.findall(r"\{(\w+)\}", entry.text_zh) == re.findall(r"\{(\w+)\}", entry.text_en)


@pytest.mark.parametrize("code", CODES)
def test_automatic_retry_fits_the_status(code: str) -> None:
    entry = catalogue()[code]
    if entry.grpc == "UNAVAILABLE":
        assert entry.retry is Retry.BACKOFF
    if entry.fault is Fault.PERSON:
        assert entry.retry is Retry.AFTER_CHANGE


@pytest.mark.parametrize("code", CODES)
def test_every_error_survives_the_wire(code: str) -> None:
    names = re.findall(r"\{(\w+)\}", catalogue()[code].text_en)
    sent = HuilianError(code, "what exactly", **{name: f"<{name}>" for name in names})
    received = from_rpc_error(wire(sent))
    assert (received.code, received.params) == (sent.code, sent.params)
    assert (received.text_zh, received.text_en) == (sent.text_zh, sent.text_en)
    assert "{" not in received.text_zh + received.text_en


def test_a_detail_leaves_only_for_faults_the_other_side_can_mend() -> None:
    assert from_rpc_error(wire(HuilianError("FIELD_NOT_GRANTED", "no such grant"))).detail == "no such grant"
    assert from_rpc_error(wire(HuilianError("INTERNAL", "password=hunter2"))).detail == ""
    assert b"hunter2" not in to_rpc_status(HuilianError("PROVIDER_FAULT", "hunter2")).SerializeToString()


def test_a_missing_parameter_does_not_break_the_text() -> None:
    assert "(not stated)" in HuilianError("FIELD_NOT_GRANTED").text_en


def test_a_parameter_may_have_any_name() -> None:
    trailing = HuilianError("NOT_FOUND")
    trailing.params = {"code": "x", "detail": "y", "self": "z"}
    assert from_rpc_error(wire(trailing)).params["code"] == "x"


def test_an_unknown_code_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        HuilianError("NO_SUCH_CODE")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"),
        (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED"),
        (grpc.StatusCode.UNIMPLEMENTED, "INTERNAL"),
        (grpc.StatusCode.UNKNOWN, "INTERNAL"),
    ],
)
@pytest.mark.parametrize("trailers", [Metadata(), Metadata(("grpc-status-details-bin", b"\xff\xff garbage"))])
def test_bare_grpc_failures_become_the_nearest_code(status: grpc.StatusCode, code: str, trailers: Metadata) -> None:
    assert from_rpc_error(AioRpcError(status, Metadata(), trailers, details="bare")).code == code


def test_the_page_is_fresh() -> None:
    assert (ROOT / "docs/errors.md").read_text("utf-8") == page.markdown()


@pytest.mark.parametrize(
    ("text", "repeated"),
    [
        ("91449900MA0H00010X", True),
        ("914499000000000109", False),
        ("11010519491231002X", False),
        ("泄密者林晓雨", False),
        ("91449900ma0h00010x", False),
        ("", False),
    ],
)
def test_only_what_looks_like_a_code_is_repeated(text: str, repeated: bool) -> None:
    assert malformed_uscc(text).params == ({"uscc": text} if repeated else {})
