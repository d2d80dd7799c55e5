"""The checks of a receipt, each on its own."""

from __future__ import annotations

from collections.abc import Callable

from huilian_protocol.canonical import Canonical
from huilian_protocol.clock import parse_time
from huilian_protocol.receipt import Receipt, read_receipt, read_signature
from huilian_protocol.record import commit_canonical
from huilian_protocol.trust import TrustAnchors, TrustedHub

from ledger.merkle.checkpoint import read_checkpoint, verify_signatures
from ledger.merkle.cosignature import check_cosignatures
from ledger.merkle.hashing import leaf_hash
from ledger.merkle.note import Note, parse_note
from ledger.merkle.proofs import verify_inclusion
from ledger.verify.evidence import check_evidence
from ledger.verify.pinned import log_keys, witness_policy
from ledger.verify.transaction import read_anchor_transaction
from ledger.verify.verdict import Check, CheckFailed, require, run_check

_RECORD_KEYS = {"type", "id", "recorded_at", "content", "evidence_sha256"}


def check_receipt(data: bytes, trust: TrustAnchors, read: Canonical | None = None) -> tuple[Check, ...]:
    """Return all checks of a receipt; when its form or own signature is wrong, that one only.

    `read` is what `read_canonical` made of `data`, if the caller asked it already.
    """
    parsed: list[Receipt] = []

    def form() -> tuple[str, _Signature]:
        parsed.append(read_receipt(data, read))
        found = "canonical bytes, all of them covered by the signature of the key in the receipt"
        return found, read_signature(data, parsed[0])

    first, hub_signed = _prepared("form and signature", form)
    if not first.ok:
        return (first,)
    checks = _Checks(parsed[0], trust)
    logged = [
        run_check("issuing hub", checks.issuer),
        run_check("record", checks.record),
        run_check("inclusion in the log", checks.inclusion),
    ]
    checkpoint, log_signed = _prepared("checkpoint", checks.checkpoint)
    anchor, account_signed = _prepared("anchor on the chain", checks.anchor)
    first = _completed(first, hub_signed)
    if not first.ok:
        return (first,)
    checkpoint, anchor = _completed(checkpoint, log_signed), _completed(anchor, account_signed)
    witnesses = run_check("witnesses", checks.witnesses)
    return (first, *logged, checkpoint, witnesses, anchor, run_check("evidence", checks.evidence))


_Signature = Callable[[], None]
"""Verifies a signature; raises as a check does."""


def _prepared(name: str, check: Callable[[], tuple[str, _Signature]]) -> tuple[Check, _Signature]:
    """Run a check up to its signature, which is left for later.

    Signatures are verified one after the other: all other work between two of them would take twice as long, because
    each leaves nothing of it in the processor's caches.
    """
    left: list[_Signature] = []

    def run() -> str:
        found, signature = check()
        left.append(signature)
        return found

    # Who failed has no signature left, and is not asked for it.
    return run_check(name, run), lambda: left[0]()


def _completed(check: Check, signature: _Signature) -> Check:
    """A check that holds if its signature does too."""
    if not check.ok:
        return check

    def run() -> str:
        signature()
        return check.reason

    return run_check(check.name, run)


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
        require(record.keys() == _RECORD_KEYS, "the record has unknown or missing keys")
        require(isinstance(record["content"], dict), "the record's content is no object")
        at = record["recorded_at"]
        parse_time(at)
        return f"{record['type']} {record['id']} of {at[:10]} {at[11:19]} UTC"

    def inclusion(self) -> str:
        """Salt and record give the leaf, and the proof leads from it to the anchored root."""
        receipt = self.receipt
        leaf = leaf_hash(commit_canonical(receipt.record_bytes, receipt.salt))
        verify_inclusion(leaf, receipt.leaf_index, receipt.tree_size, receipt.inclusion_proof, receipt.anchor.root)
        return f"leaf {receipt.leaf_index} of {receipt.tree_size}"

    def checkpoint(self) -> tuple[str, _Signature]:
        """The log's own key signed a tree of this size and root."""
        note, receipt = self._note(), self.receipt
        checkpoint, signatures = read_checkpoint(note, log_keys(self._hub()))
        require(checkpoint.size == receipt.tree_size, "the checkpoint is of another size than the proof")
        require(checkpoint.root == receipt.anchor.root, "the checkpoint has another root than the anchor")
        found = f"signed by {checkpoint.origin} for size {checkpoint.size}"
        return found, lambda: verify_signatures(note, signatures)

    def witnesses(self) -> str:
        """As many of the pinned witnesses as the trust anchors demand cosigned the checkpoint."""
        policy, note = witness_policy(self._hub()), self._note()
        if not policy.keys:
            return "no witness of this log is pinned"
        names = sorted([found.witness for found in check_cosignatures(note, policy)])
        return f"{len(names)} cosigned, {policy.at_least} needed: {', '.join(names)}"

    def anchor(self) -> tuple[str, _Signature]:
        """The hub's chain account signed a call that states this root and size to a pinned contract and chain."""
        anchor, hub = self.receipt.anchor, self._hub()
        sent = read_anchor_transaction(bytes.fromhex(anchor.raw_transaction[2:]))
        require(sent.hash == anchor.tx_hash, "the raw transaction has another hash")
        require(sent.chain_id == anchor.chain_id, "the transaction is for another chain")
        require(sent.contract == anchor.contract.lower(), "the transaction is for another contract")
        pinned = self._trust.knows_chain(sent.chain_id, sent.contract)
        require(pinned, "another chain or another contract than is pinned")
        require(sent.root == anchor.root, "the transaction states another root")
        require(sent.size == anchor.size == self.receipt.tree_size, "the transaction states another size")

        def signed() -> None:
            require(hub.owned(sent.sender(), anchor.block_number), "the transaction was signed by another account")

        return f"{anchor.tx_hash} on chain {anchor.chain_id}; stated to be in block {anchor.block_number}", signed

    def evidence(self) -> str:
        """What is attached is what was recorded, and proves what it claims."""
        return check_evidence(self.receipt.record, self.receipt.evidence, self._trust)
