"""The embedded chain as a process: refusals, web3 as a client, and nothing lost by kill -9."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from huilian_protocol.clock import SandboxClock
from web3 import Web3

from ledger.anchor.deploy import deploy_contract
from ledger.anchor.transaction import Transaction, address_of
from ledger.contract import calls
from tests.integration.ledger_chain import ADMIN, CHAIN_ID, FUNDED, HUB, OTHER_HUB, ChainProcess

HUBS = [address_of(HUB), address_of(OTHER_HUB)]


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[ChainProcess]:
    process = ChainProcess(tmp_path / "chain.sqlite", tmp_path / "clock.json")
    process.start()
    yield process
    process.kill()


def _transfer(nonce: int, **changes: Any) -> Transaction:
    fields: dict[str, Any] = {"chain_id": CHAIN_ID, "nonce": nonce, "gas_price": 10**9, "gas_limit": 21_000}
    return Transaction(**fields | {"to": bytes(18) + b"\x07\x00", "value": 5, "data": b""} | changes)


def _send(chain: ChainProcess, transaction: Transaction) -> Any:
    return chain.call("eth_sendRawTransaction", "0x" + transaction.sign(HUB).hex())


def test_transfer_moves_money_and_charges_the_fee(chain: ChainProcess) -> None:
    transaction_hash = _send(chain, _transfer(0))
    receipt = chain.call("eth_getTransactionReceipt", transaction_hash)
    assert (receipt["status"], receipt["gasUsed"]) == ("0x1", hex(21_000))
    assert int(chain.call("eth_getBalance", HUBS[0]), 16) == 10**24 - 5 - 21_000 * 10**9
    assert int(chain.call("eth_getBalance", "0x" + "00" * 18 + "0700"), 16) == 5
    assert chain.call("eth_getTransactionCount", HUBS[0]) == "0x1"


def test_invalid_transactions_are_refused_and_change_nothing(chain: ChainProcess) -> None:
    for transaction, reason in (
        (_transfer(0, chain_id=1), "invalid chain id"),
        (_transfer(1), "nonce too high"),
        (_transfer(0, gas_limit=20_999), "intrinsic gas"),
        (_transfer(0, gas_limit=30_000_001), "block gas limit"),
        (_transfer(0, value=10**24), "insufficient funds"),
    ):
        with pytest.raises(ValueError, match=reason):
            _send(chain, transaction)
    assert chain.call("eth_blockNumber") == "0x0"


def test_replays_and_damaged_bytes_are_refused(chain: ChainProcess) -> None:
    raw = _transfer(0).sign(HUB)
    chain.call("eth_sendRawTransaction", "0x" + raw.hex())
    with pytest.raises(ValueError, match="already known"):
        chain.call("eth_sendRawTransaction", "0x" + raw.hex())
    with pytest.raises(ValueError, match="nonce too low"):
        _send(chain, _transfer(0, value=6))
    with pytest.raises(ValueError, match="invalid transaction"):
        chain.call("eth_sendRawTransaction", "0x" + raw[:-1].hex())
    with pytest.raises(ValueError, match="invalid transaction"):
        chain.call("eth_sendRawTransaction", "0x02" + raw.hex())


def test_web3_works_as_a_client(chain: ChainProcess) -> None:
    contract_address = asyncio.run(deploy_contract(chain.url, ADMIN, HUBS))
    assert asyncio.run(deploy_contract(chain.url, ADMIN, HUBS)) == contract_address
    web3 = Web3(Web3.HTTPProvider(chain.url))
    assert (web3.eth.chain_id, web3.eth.block_number, web3.net.version) == (CHAIN_ID, 3, str(CHAIN_ID))
    contract = web3.eth.contract(Web3.to_checksum_address(contract_address), abi=calls.artefact()["abi"])
    assert contract.functions.enrolled(Web3.to_checksum_address(HUBS[0])).call()
    call = contract.functions.anchor(b"\x05" * 32, 9)
    transaction = call.build_transaction(
        {"from": Web3.to_checksum_address(HUBS[0]), "gasPrice": web3.eth.gas_price, "nonce": 0}
    )
    signed = web3.eth.account.sign_transaction(transaction, HUB.secret)
    receipt = web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(signed.raw_transaction))
    (event,) = contract.events.Anchored().process_receipt(receipt)
    assert (event["args"]["size"], event["args"]["root"]) == (9, b"\x05" * 32)
    assert [log["transactionHash"] for log in contract.events.Anchored().get_logs(from_block=0)] == [
        receipt["transactionHash"]
    ]
    assert web3.eth.get_block(receipt["blockNumber"], full_transactions=True)["hash"] == receipt["blockHash"]
    assert web3.eth.fee_history(2, "latest", [50])["gasUsedRatio"]
    with pytest.raises(Exception, match="size must grow"):
        contract.functions.anchor(b"\x06" * 32, 9).call({"from": Web3.to_checksum_address(HUBS[0])})


def _snapshot(chain: ChainProcess) -> list[Any]:
    head = int(chain.call("eth_blockNumber"), 16)
    blocks = [chain.call("eth_getBlockByNumber", hex(number), True) for number in range(head + 1)]
    receipts = [chain.call("eth_getTransactionReceipt", block["transactions"][0]["hash"]) for block in blocks[1:]]
    return [blocks, receipts, [chain.call("eth_getBalance", address) for address in FUNDED]]


def test_kill_9_loses_nothing_and_moves_no_timestamp(chain: ChainProcess, tmp_path: Path) -> None:
    contract = asyncio.run(deploy_contract(chain.url, ADMIN, HUBS))
    clock = SandboxClock(tmp_path / "clock.json")
    for nonce in range(30):
        clock.set_offset(timedelta(days=nonce))
        data = calls.anchor(nonce.to_bytes(32), nonce + 1) if nonce % 3 else calls.anchor(bytes(32), 0)
        _send(chain, _transfer(nonce, to=bytes.fromhex(contract[2:]), value=0, data=data, gas_limit=120_000))
        if nonce % 15 == 14:
            before = _snapshot(chain)
            chain.kill()
            chain.start()
            assert _snapshot(chain) == before
    statuses = [receipt["status"] for receipt in before[1][3:]]
    assert statuses == ["0x1" if nonce % 3 else "0x0" for nonce in range(30)]


def test_an_answered_transaction_survives_a_kill_at_once(chain: ChainProcess) -> None:
    for nonce in range(3):
        transaction_hash = _send(chain, _transfer(nonce))
        chain.kill()
        chain.start()
        assert chain.call("eth_getTransactionReceipt", transaction_hash)["blockNumber"] == hex(nonce + 1)


def test_reservations_run_out_when_the_sandbox_clock_moves(chain: ChainProcess, tmp_path: Path) -> None:
    contract = asyncio.run(deploy_contract(chain.url, ADMIN, HUBS))
    now = int(chain.call("eth_getBlockByNumber", "latest")["timestamp"], 16)
    reserve = calls.reserve([bytes([9]) * 32], bytes(22), now + 600)
    _send(chain, _transfer(0, to=bytes.fromhex(contract[2:]), value=0, data=reserve, gas_limit=200_000))
    later = calls.reserve([bytes([9]) * 32], bytes(22), now + 90_000)
    again = {"from": HUBS[1], "to": contract, "data": "0x" + later.hex()}
    with pytest.raises(ValueError, match="taken"):
        chain.call("eth_call", again, "latest")
    SandboxClock(tmp_path / "clock.json").set_offset(timedelta(hours=1))
    assert chain.call("eth_call", again, "latest") == "0x"
    estimate = int(chain.call("eth_estimateGas", again), 16)
    transaction = _transfer(0, to=bytes.fromhex(contract[2:]), value=0, data=later, gas_limit=estimate)
    transaction_hash = chain.call("eth_sendRawTransaction", "0x" + transaction.sign(OTHER_HUB).hex())
    assert chain.call("eth_getTransactionReceipt", transaction_hash)["status"] == "0x1"


def test_a_state_file_serves_one_process_and_one_genesis(chain: ChainProcess, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="locked"):
        ChainProcess(tmp_path / "chain.sqlite").start()
    chain.kill()
    with pytest.raises(RuntimeError, match="other settings"):
        ChainProcess(tmp_path / "chain.sqlite", allocate=[]).start()


def test_unknown_methods_and_malformed_calls_get_their_codes(chain: ChainProcess) -> None:
    for method, params, text in (
        ("eth_mining", [], "does not exist"),
        ("eth_getBalance", ["0x12"], "invalid params"),
        ("eth_getBalance", [HUBS[0], "earliest"], "newest state"),
        ("eth_sendRawTransaction", ["zz"], "invalid params"),
    ):
        with pytest.raises(ValueError, match=text):
            chain.call(method, *params)
    assert chain.call("eth_getTransactionReceipt", "0x" + "12" * 32) is None
    assert json.dumps(chain.call("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"})) == "[]"
