"""Blocks, transactions, receipts and logs in the form of Ethereum's JSON-RPC."""

from __future__ import annotations

from typing import Any

from ledger.anchor.transaction import SignedTransaction
from ledger.embedded_chain.chain import Block
from ledger.embedded_chain.machine import BLOCK_GAS_LIMIT, Log, Outcome

Json = dict[str, Any]

_ZERO_HASH = "0x" + "00" * 32
_ZERO_ADDRESS = "0x" + "00" * 20
_ZERO_BLOOM = "0x" + "00" * 256
_NO_UNCLES = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"


def block_view(block: Block, *, full: bool) -> Json:
    """Return a block, its transactions as objects when `full`. There is no state trie: those roots are zero."""
    transactions: list[Any] = []
    if block.signed:
        transactions = [transaction_view(block, block.signed)] if full else [block.signed.hash]
    return {
        "number": hex(block.number),
        "hash": block.hash,
        "parentHash": block.parent_hash,
        "timestamp": hex(block.timestamp),
        "gasLimit": hex(BLOCK_GAS_LIMIT),
        "gasUsed": hex(block.outcome.gas_used if block.outcome else 0),
        "baseFeePerGas": "0x0",
        "transactions": transactions,
        "miner": _ZERO_ADDRESS,
        "difficulty": "0x0",
        "totalDifficulty": "0x0",
        "size": hex(len(block.signed.raw) if block.signed else 0),
        "extraData": "0x",
        "nonce": "0x0000000000000000",
        "mixHash": _ZERO_HASH,
        "logsBloom": _ZERO_BLOOM,
        "sha3Uncles": _NO_UNCLES,
        "stateRoot": _ZERO_HASH,
        "transactionsRoot": _ZERO_HASH,
        "receiptsRoot": _ZERO_HASH,
        "uncles": [],
    }


def transaction_view(block: Block, signed: SignedTransaction) -> Json:
    """Return a mined transaction."""
    transaction = signed.transaction
    return {
        "hash": signed.hash,
        "type": "0x0",
        "chainId": hex(transaction.chain_id),
        "nonce": hex(transaction.nonce),
        "from": signed.sender,
        "to": _address(transaction.to),
        "value": hex(transaction.value),
        "gas": hex(transaction.gas_limit),
        "gasPrice": hex(transaction.gas_price),
        "input": "0x" + transaction.data.hex(),
        "v": hex(signed.v),
        "r": hex(signed.r),
        "s": hex(signed.s),
        **_place(block),
    }


def receipt_view(block: Block, signed: SignedTransaction, outcome: Outcome) -> Json:
    """Return what a transaction did."""
    return {
        "transactionHash": signed.hash,
        "type": "0x0",
        "from": signed.sender,
        "to": _address(signed.transaction.to),
        "contractAddress": None if outcome.failure else outcome.created,
        "status": "0x0" if outcome.failure else "0x1",
        "gasUsed": hex(outcome.gas_used),
        "cumulativeGasUsed": hex(outcome.gas_used),
        "effectiveGasPrice": hex(signed.transaction.gas_price),
        "logsBloom": _ZERO_BLOOM,
        "logs": [log_view(block, signed, index, log) for index, log in enumerate(outcome.logs)],
        **_place(block),
    }


def log_view(block: Block, signed: SignedTransaction, index: int, log: Log) -> Json:
    """Return an event; `index` counts within the block."""
    return {
        "address": log.address,
        "topics": list(log.topics),
        "data": "0x" + log.data.hex(),
        "transactionHash": signed.hash,
        "logIndex": hex(index),
        "removed": False,
        **_place(block),
    }


def _place(block: Block) -> Json:
    return {"blockHash": block.hash, "blockNumber": hex(block.number), "transactionIndex": "0x0"}


def _address(raw: bytes) -> str | None:
    return "0x" + raw.hex() if raw else None
