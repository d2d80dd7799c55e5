"""Putting the contract on a chain and enrolling hubs: an operator's job, repeatable without doing anything twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import coincurve

from ledger.anchor.rpc import JsonRpc
from ledger.anchor.transaction import Transaction, address_of, contract_address
from ledger.contract import calls

_WAIT_S = 60.0
_POLL_S = 0.05


class DeploymentFailed(Exception):
    """A transaction of the deployment was mined and reverted, or was not mined in time."""


async def deploy_contract(url: str, admin: coincurve.PrivateKey, hubs: Iterable[str]) -> str:
    """Deploy the ledger contract, enrol the hubs that are not enrolled yet, and return the contract's address.

    The contract is the admin's first transaction, so a second run finds it. Raises `DeploymentFailed`, and
    `ChainUnavailable` or `ChainRefused` of the node.
    """
    rpc = JsonRpc(url)
    try:
        contract = contract_address(address_of(admin), 0)
        if await rpc.call("eth_getCode", contract, "latest") == "0x":
            await _send(rpc, admin, b"", calls.creation_code())
        for hub in hubs:
            await _enrol(rpc, admin, contract, hub)
        return contract
    finally:
        await rpc.close()


async def _enrol(rpc: JsonRpc, admin: coincurve.PrivateKey, contract: str, hub: str) -> None:
    call = {"to": contract, "data": "0x" + calls.enrolled(hub).hex()}
    if await rpc.number("eth_call", call, "latest") == 0:
        await _send(rpc, admin, bytes.fromhex(contract[2:]), calls.enrol(hub))


async def _send(rpc: JsonRpc, admin: coincurve.PrivateKey, to: bytes, data: bytes) -> None:
    sender = address_of(admin)
    message = {"from": sender, "data": "0x" + data.hex()} | ({"to": "0x" + to.hex()} if to else {})
    gas = await rpc.number("eth_estimateGas", message)
    transaction = Transaction(
        chain_id=await rpc.number("eth_chainId"),
        nonce=await rpc.number("eth_getTransactionCount", sender, "latest"),
        gas_price=await rpc.number("eth_gasPrice"),
        gas_limit=gas + gas // 5,
        to=to,
        value=0,
        data=data,
    )
    transaction_hash = await rpc.call("eth_sendRawTransaction", "0x" + transaction.sign(admin).hex())
    if int((await _mined(rpc, transaction_hash))["status"], 16) != 1:
        raise DeploymentFailed(f"transaction {transaction_hash} was reverted")


async def _mined(rpc: JsonRpc, transaction_hash: str) -> dict[str, str]:
    for _ in range(round(_WAIT_S / _POLL_S)):
        receipt: dict[str, str] | None = await rpc.call("eth_getTransactionReceipt", transaction_hash)
        if receipt is not None:
            return receipt
        await asyncio.sleep(_POLL_S)
    raise DeploymentFailed(f"transaction {transaction_hash} was not mined in {_WAIT_S} seconds")
