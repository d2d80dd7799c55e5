"""The JSON-RPC methods, as a table from name to handler."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ledger.embedded_chain.chain import Block, EmbeddedChain, Refused
from ledger.embedded_chain.machine import BLOCK_GAS_LIMIT, Message, Outcome
from ledger.embedded_chain.views import Json, block_view, log_view, receipt_view, transaction_view

GAS_PRICE_WEI = 1_000_000_000
"""Price that the node suggests; blocks are never full, so a lower one works too."""

_INVALID_PARAMS, _METHOD_NOT_FOUND, _SERVER_ERROR, _REVERTED = -32602, -32601, -32000, 3
_MAX_FEE_HISTORY = 1024


class RpcError(Exception):
    """A JSON-RPC error with its code, text and data."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


class Methods:
    """Answers JSON-RPC calls from one chain."""

    def __init__(self, chain: EmbeddedChain) -> None:
        self._chain = chain
        self._table: Mapping[str, Callable[..., Any]] = {
            "eth_chainId": lambda: hex(chain.chain_id),
            "net_version": lambda: str(chain.chain_id),
            "web3_clientVersion": lambda: "huilian-embedded-chain/1",
            "eth_blockNumber": lambda: hex(chain.head.number),
            "eth_gasPrice": lambda: hex(GAS_PRICE_WEI),
            "eth_maxPriorityFeePerGas": lambda: "0x0",
            "eth_feeHistory": self._fee_history,
            "eth_getBlockByNumber": self._block_by_number,
            "eth_getBlockByHash": self._block_by_hash,
            "eth_getTransactionByHash": self._transaction,
            "eth_getTransactionReceipt": self._receipt,
            "eth_getTransactionCount": lambda address, tag="latest": hex(self._state(tag).nonce(_address(address))),
            "eth_getBalance": lambda address, tag="latest": hex(self._state(tag).balance(_address(address))),
            "eth_getCode": lambda address, tag="latest": "0x" + self._state(tag).code(_address(address)).hex(),
            "eth_sendRawTransaction": self._send,
            "eth_call": self._call,
            "eth_estimateGas": self._estimate,
            "eth_getLogs": self._logs,
        }

    def answer(self, method: str, params: list[Any]) -> Any:
        """Return a method's result. Raises `RpcError`."""
        handler = self._table.get(method)
        if handler is None:
            raise RpcError(_METHOD_NOT_FOUND, f"the method {method} does not exist/is not available")
        try:
            return handler(*params)
        except Refused as error:
            raise RpcError(_SERVER_ERROR, str(error)) from None
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
            raise RpcError(_INVALID_PARAMS, f"invalid params: {type(error).__name__}") from error

    def _state(self, tag: str) -> Any:
        """Return the newest state; older ones are not kept."""
        if tag in ("earliest", "0x0") or (tag.startswith("0x") and int(tag, 16) != self._chain.head.number):
            raise RpcError(_SERVER_ERROR, "missing trie node: only the newest state is kept")
        return self._chain.machine

    def _number(self, tag: str) -> int:
        if tag in ("latest", "pending", "safe", "finalized"):
            return self._chain.head.number
        return 0 if tag == "earliest" else int(tag, 16)

    def _block_by_number(self, tag: str, full: bool = False) -> Json | None:
        number = self._number(tag)
        return block_view(self._chain.block(number), full=full) if number <= self._chain.head.number else None

    def _block_by_hash(self, block_hash: str, full: bool = False) -> Json | None:
        block = self._chain.block_by_hash(block_hash)
        return block_view(block, full=full) if block else None

    def _transaction(self, transaction_hash: str) -> Json | None:
        block = self._chain.block_of(transaction_hash)
        return transaction_view(block, block.signed) if block and block.signed else None

    def _receipt(self, transaction_hash: str) -> Json | None:
        block = self._chain.block_of(transaction_hash)
        if not (block and block.signed and block.outcome):
            return None
        return receipt_view(block, block.signed, block.outcome)

    def _fee_history(self, count: str | int, newest: str, percentiles: list[float] | None = None) -> Json:
        last = self._number(newest)
        wanted = int(count, 16) if isinstance(count, str) else count
        first = max(0, last + 1 - min(wanted, _MAX_FEE_HISTORY))
        blocks = [self._chain.block(number) for number in range(first, min(last, self._chain.head.number) + 1)]
        history: Json = {
            "oldestBlock": hex(blocks[0].number),
            "baseFeePerGas": ["0x0"] * (len(blocks) + 1),
            "gasUsedRatio": [(block.outcome.gas_used if block.outcome else 0) / BLOCK_GAS_LIMIT for block in blocks],
        }
        return history | ({"reward": [["0x0"] * len(percentiles)] * len(blocks)} if percentiles else {})

    def _send(self, raw: str) -> str:
        return self._chain.submit(_bytes(raw))

    def _call(self, call: Json, tag: str = "latest") -> str:
        self._state(tag)
        return "0x" + self._run(call).output.hex()

    def _estimate(self, call: Json, tag: str = "latest") -> str:
        outcome = self._run(call)
        # A refund comes only at the end, and a call may pass on no more than 63/64 of its gas.
        return hex((outcome.gas_used + outcome.gas_refunded) * 64 // 63 + 1)

    def _run(self, call: Json) -> Outcome:
        outcome = self._chain.call(_message(call))
        if outcome.failure:
            code = _REVERTED if outcome.output or outcome.failure == "execution reverted" else _SERVER_ERROR
            raise RpcError(code, outcome.failure + _reason(outcome.output), "0x" + outcome.output.hex())
        return outcome

    def _logs(self, wanted: Json) -> list[Json]:
        return [
            log_view(block, block.signed, index, log)
            for block in self._blocks(wanted)
            if block.signed and block.outcome
            for index, log in enumerate(block.outcome.logs)
            if _matches(wanted, log.address, log.topics)
        ]

    def _blocks(self, wanted: Json) -> Iterator[Block]:
        if "blockHash" in wanted:
            block = self._chain.block_by_hash(wanted["blockHash"])
            if block is None:
                raise RpcError(_SERVER_ERROR, "unknown block")
            yield block
            return
        first, last = (self._number(wanted.get(end, "latest")) for end in ("fromBlock", "toBlock"))
        topics = wanted.get("topics") or [None]
        yield from self._chain.with_events(_listed(topics[0]) if topics[0] else [], first, last)


def _matches(wanted: Json, address: str, topics: tuple[str, ...]) -> bool:
    addresses = wanted.get("address")
    if addresses and address not in [item.lower() for item in _listed(addresses)]:
        return False
    patterns = wanted.get("topics") or []
    if len(patterns) > len(topics):
        return False
    pairs = zip(patterns, topics, strict=False)
    return all(not pattern or topic in [item.lower() for item in _listed(pattern)] for pattern, topic in pairs)


def _listed(value: Any) -> list[str]:
    return list(value) if isinstance(value, list) else [value]


def _message(call: Json) -> Message:
    data = call.get("input") or call.get("data") or "0x"
    return Message(
        sender=_address(call.get("from") or "0x" + "00" * 20),
        to=_address(call["to"]) if call.get("to") else None,
        data=_bytes(data),
        value=int(call.get("value") or "0x0", 16),
        gas_limit=min(int(call.get("gas") or hex(BLOCK_GAS_LIMIT), 16), BLOCK_GAS_LIMIT),
    )


def _address(text: str) -> str:
    if len(_bytes(text)) != 20:
        raise ValueError("an address has 20 bytes")
    return text.lower()


def _bytes(text: str) -> bytes:
    if not text.startswith("0x"):
        raise ValueError("hex starts with 0x")
    return bytes.fromhex(text[2:])


def _reason(output: bytes) -> str:
    """Return the text of Solidity's Error(string), as nodes show it."""
    if output[:4] != bytes.fromhex("08c379a0") or len(output) < 68:
        return ""
    length = int.from_bytes(output[36:68])
    return ": " + output[68 : 68 + length].decode("utf-8", "replace")
