"""The checks of a receipt, each on its own."""

from __future__ import annotations

from typing import Any

from huilian_protocol.clock import parse_time
from huilian_protocol.receipt import Receipt, parse_receipt, read_receipt
from huilian_protocol.record import commit_record
from huilian_protocol.trust import TrustAnchors, TrustedHub

from ledger.merkle.checkpoint import Checkpoint, verify_checkpoint
from ledger.merkle.cosignature import check_cosignatures
from ledger.merkle.hashing import leaf_hash
from ledger.merkle.note import Note, parse_note
from ledger.merkle.proofs import verify_inclusion
from ledger.verify.evidence import check_evidence
from ledger.verify.pinned import log_keys, witness_policy
from ledger.verify.transaction import read_anchor_transaction
from ledger.verify.verdict import Check, CheckFailed, require, run_check

_RECORD_KEYS = {"type", "id", "recorded_at", "content", "evidence_sha256"}


def check_receipt(data: bytes, trust: TrustAnchors, value: Any = None) -> tuple[Check, ...]:
    """Return all checks of a receipt; when its form or own signature is wrong, that one only.

    `value` is what `parse_canonical` made of `data`, if the caller asked it already.
    """
    parsed: list[Receipt] = []

    def form() -> str:
        parsed.append(parse_receipt(data) if value is None else read_receipt(data, value))
        return "canonical bytes, all of them covered by the signature of the key in the receipt"

    first = run_check("form and signature", form)
    if not first.ok:
        return (first,)
    checks = _Checks(parsed[0], trust)
    named = {
        "issuing hub": checks.issuer,
        "record": checks.record,
        "inclusion in the log": checks.inclusion,
        "checkpoint": checks.checkpoint,
        "witnesses": checks.witnesses,
        "anchor on the chain": checks.anchor,
        "evidence": lambda: check_evidence(checks.receipt.record, checks.receipt.evidence, trust),
    }
    return (first, *(run_check(name, check) for name, check in named.items()))


class _Checks:
    """The single checks; each looks up what it needs, so that one failure hides no other."""

    def __init__(self, receipt: Receipt, trust: TrustAnchors) -> None:
        self.receipt = receipt
        self._trust = trust
        self._pinned = trust.hub_of_key(receipt.hub_key_id)
        self._parsed: Note | None = None

    def _hub(self) -> TrustedHub:
        if self._pinned is None:
            raise CheckFailed("the receipt was signed by a key that is not pinned")
        return self._pinned

    def _checkpoint(self) -> Checkpoint:
        return verify_checkpoint(self._note(), log_keys(self._hub()))

    def _note(self) -> Note:
        if self._parsed is None:
            self._parsed = parse_note(self.receipt.checkpoint)
        return self._parsed

    def issuer(self) -> str:
        """The key in the receipt is pinned."""
        return f"signed by {self._hub().origin}"

    def record(self) -> str:
        """The record has its place and time."""
        record = self.receipt.record
        require(set(record) == _RECORD_KEYS, "the record has unknown or missing keys")
        require(isinstance(record["content"], dict), "the record's content is no object")
        at = record["recorded_at"]
        parse_time(at)
        return f"{record['type']} {record['id']} of {at[:10]} {at[11:19]} UTC"

    def inclusion(self) -> str:
        """Salt and record give the leaf, and the proof leads from it to the anchored root."""
        receipt = self.receipt
        leaf = leaf_hash(commit_record(receipt.record, receipt.salt))
        verify_inclusion(leaf, receipt.leaf_index, receipt.tree_size, receipt.inclusion_proof, receipt.anchor.root)
        return f"leaf {receipt.leaf_index} of {receipt.tree_size}"

    def checkpoint(self) -> str:
        """The log's own key signed a tree of this size and root."""
        checkpoint, receipt = self._checkpoint(), self.receipt
        require(checkpoint.size == receipt.tree_size, "the checkpoint is of another size than the proof")
        require(checkpoint.root == receipt.anchor.root, "the checkpoint has another root than the anchor")
        return f"signed by {checkpoint.origin} for size {checkpoint.size}"

    def witnesses(self) -> str:
        """As many of the pinned witnesses as the trust anchors demand cosigned the checkpoint."""
        policy = witness_policy(self._hub())
        names = sorted([found.witness for found in check_cosignatures(self._note(), policy)])
        if not policy.keys:
            return "no witness of this log is pinned"
        return f"{len(names)} cosigned, {policy.at_least} needed: {', '.join(names)}"

    def anchor(self) -> str:
        """The hub's chain account signed a call that states this root and size to a pinned contract and chain."""
        anchor, hub = self.receipt.anchor, self._hub()
        sent = read_anchor_transaction(bytes.fromhex(anchor.raw_transaction[2:]))
        require(sent.hash == anchor.tx_hash, "the raw transaction has another hash")
        require(sent.chain_id == anchor.chain_id, "the transaction is for another chain")
        require(sent.contract == anchor.contract.lower(), "the transaction is for another contract")
        require(
            self._trust.knows_chain(sent.chain_id, sent.contract), "another chain or another contract than is pinned"
        )
        require(hub.owned(sent.sender, anchor.block_number), "the transaction was signed by another account")
        require(sent.root == anchor.root, "the transaction states another root")
        require(sent.size == anchor.size == self.receipt.tree_size, "the transaction states another size")
        return f"{anchor.tx_hash} on chain {anchor.chain_id}; stated to be in block {anchor.block_number}"
