"""py-evm as a node: the JSON-RPC methods that the chain client calls, over the same HTTP server as the embedded chain.

Each transaction is a block; `mine` adds empty ones. Nothing is ever undone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from eth.abc import MiningChainAPI, ReceiptAPI
from eth.chains.base import MiningChain
from eth.db.atomic import AtomicDB
from eth.exceptions import VMError
from eth.vm.forks.shanghai import ShanghaiVM
from eth.vm.spoof import SpoofTransaction
from eth_utils import ValidationError

from ledger.anchor.transaction import decode
from ledger.embedded_chain.methods import RpcError

PRICE_WEI = 10**9
BLOCK_GAS = 30_000_000
_NOBODY = "0x" + "00" * 20


class PyEvmNode:
    """Answers JSON-RPC calls from a chain of py-evm's."""

    def __init__(self, chain_id: int, now: int, balances: Mapping[str, int]) -> None:
        chain = MiningChain.configure(vm_configuration=((0, ShanghaiVM),), chain_id=chain_id)
        state: Any = {
            _bytes(address): {"balance": wei, "nonce": 0, "code": b"", "storage": {}}
            for address, wei in balances.items()
        }
        first: Any = {"gas_limit": BLOCK_GAS, "timestamp": now, "difficulty": 0, "base_fee_per_gas": 0}
        self._chain: MiningChainAPI = chain.from_genesis(AtomicDB(), first, state)
        self._mined: dict[str, tuple[int, ReceiptAPI]] = {}
        """Block and receipt by transaction."""
        self._table: dict[str, Callable[..., Any]] = {
            "eth_chainId": lambda: hex(chain_id),
            "eth_blockNumber": lambda: hex(self._head()),
            "eth_gasPrice": lambda: hex(PRICE_WEI),
            "eth_getCode": lambda address, _tag: "0x" + self._state().get_code(_bytes(address)).hex(),
            "eth_getTransactionCount": self._nonce,
            "eth_getBlockByNumber": self._block,
            "eth_sendRawTransaction": self._send,
            "eth_getTransactionReceipt": self._receipt,
            "eth_call": self._call,
            "eth_estimateGas": self._estimate,
            "eth_getLogs": self._logs,
        }

    def answer(self, method: str, params: list[Any]) -> Any:
        """Return a method's result. Raises `RpcError`."""
        if method not in self._table:
            raise RpcError(-32601, f"the method {method} does not exist")
        try:
            return self._table[method](*params)
        except (ValidationError, VMError) as error:
            raise RpcError(-32000, str(error)) from error

    def mine(self, blocks: int) -> None:
        """Add blocks without transactions."""
        for _ in range(blocks):
            self._next_block()
            self._chain.mine_block()

    def _next_block(self) -> None:
        parent = self._chain.get_canonical_head()
        self._chain.header = self._chain.create_header_from_parent(parent, timestamp=parent.timestamp + 1)

    def _head(self) -> int:
        return self._chain.get_canonical_head().block_number

    def _state(self, tag: str = "latest") -> Any:
        number = self._head() if tag == "latest" else int(tag, 16)
        return self._chain.get_vm(self._chain.get_canonical_block_header_by_number(number)).state  # type: ignore[arg-type]

    def _nonce(self, address: str, tag: str) -> str:
        return hex(self._state(tag).get_nonce(_bytes(address)))

    def _block(self, tag: str, _full: bool) -> Any:
        number = int(tag, 16) if tag.startswith("0x") else self._head()
        if number > self._head():
            return None
        header = self._chain.get_canonical_block_header_by_number(number)  # type: ignore[arg-type]
        return {"number": hex(number), "hash": "0x" + header.hash.hex(), "timestamp": hex(header.timestamp)}

    def _send(self, raw: str) -> str:
        signed = decode(_bytes(raw))
        if signed.hash in self._mined:
            raise RpcError(-32000, "already known")
        if signed.transaction.nonce != self._state().get_nonce(_bytes(signed.sender)):
            raise RpcError(-32000, "nonce too low")
        self._next_block()
        transaction = self._chain.get_vm().get_transaction_builder().decode(signed.raw)
        _, receipt, _ = self._chain.apply_transaction(transaction)
        self._chain.mine_block()
        self._mined[signed.hash] = (self._head(), receipt)
        return signed.hash

    def _receipt(self, transaction: str) -> Any:
        if transaction not in self._mined:
            return None
        number, receipt = self._mined[transaction]
        return {
            "transactionHash": transaction,
            "blockNumber": hex(number),
            "blockHash": self._block(hex(number), False)["hash"],
            "status": hex(int.from_bytes(receipt.state_root)),
            "gasUsed": hex(receipt.gas_used),
        }

    def _run(self, call: dict[str, Any], tag: str = "latest") -> tuple[bytes, int]:
        number = self._head() if tag == "latest" else int(tag, 16)
        header = self._chain.get_canonical_block_header_by_number(number)  # type: ignore[arg-type]
        vm = self._chain.get_vm(header)
        to = _bytes(call["to"]) if call.get("to") else b""
        sender = _bytes(call.get("from") or _NOBODY)
        unsigned = vm.create_unsigned_transaction(
            nonce=vm.state.get_nonce(sender), gas_price=0, gas=BLOCK_GAS // 2, to=to, value=0, data=_bytes(call["data"])
        )
        spoof: Any = SpoofTransaction(unsigned, from_=sender)
        computation = vm.state.costless_execute_transaction(spoof)
        if computation.is_error:
            raise RpcError(3, "execution reverted", "0x" + computation.output.hex())
        return computation.output, computation.get_gas_used()

    def _call(self, call: dict[str, Any], tag: str) -> str:
        return "0x" + self._run(call, tag)[0].hex()

    def _estimate(self, call: dict[str, Any]) -> str:
        # What comes before the first instruction, every byte as if it were not zero, and a quarter for refunds.
        return hex((self._run(call)[1] + 53_000 + 16 * len(_bytes(call["data"]))) * 5 // 4)

    def _logs(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        found = []
        for transaction, (number, receipt) in self._mined.items():
            for log in receipt.logs:
                topics = [f"0x{topic:064x}" for topic in log.topics]
                if first <= number <= last and topics[: len(wanted["topics"])] == wanted["topics"]:
                    block = self._block(hex(number), False)["hash"]
                    at = {"transactionHash": transaction, "blockNumber": hex(number), "blockHash": block}
                    found.append({"topics": topics, "data": "0x" + log.data.hex(), **at})
        return found


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])
