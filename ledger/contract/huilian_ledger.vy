# pragma version 0.4.3
# pragma evm-version paris
"""
@title Huilian ledger: log anchors and claim locks
@license Apache-2.0
@notice Enrolled hubs anchor the roots of their logs and lock receivables so that none is financed twice.
@dev No amount, party or plain hash ever comes here: roots cover salted commitments, fingerprints are keyed (HMAC),
     and an owner commitment is a salted hash that only its hub can open.
"""

# Fingerprints in one call; bounds the gas of a call.
MAX_FINGERPRINTS: constant(uint256) = 256
# A reservation only bridges the time until disbursement; a longer one would block the receivable for everybody.
MAX_RESERVATION_SECONDS: constant(uint64) = 30 * 24 * 3600

RESERVED: constant(uint256) = 1
FINANCED: constant(uint256) = 2
RELEASED: constant(uint256) = 3

struct Anchor:
    root: bytes32
    size: uint64

struct Lock:
    owner: address
    state: uint256
    expiry: uint64
    owner_commitment: bytes32

event HubEnrolled:
    hub: indexed(address)

event HubRemoved:
    hub: indexed(address)

event Anchored:
    hub: indexed(address)
    size: uint64
    root: bytes32

event Reserved:
    fingerprint: indexed(bytes32)
    hub: indexed(address)
    expiry: uint64
    owner_commitment: bytes32

event Financed:
    fingerprint: indexed(bytes32)
    hub: indexed(address)

event Released:
    fingerprint: indexed(bytes32)
    hub: indexed(address)

admin: public(immutable(address))
enrolled: public(HashMap[address, bool])
anchors: public(HashMap[address, Anchor])

# owner (160 bits) | state (8 bits) | expiry (64 bits): one slot, because a slot is most of what a lock costs.
_locks: HashMap[bytes32, uint256]
_commitments: HashMap[bytes32, bytes32]


@deploy
def __init__():
    admin = msg.sender


@external
def enrol(hub: address):
    """
    @notice Let a hub anchor and lock. Only the admin.
    """
    assert msg.sender == admin, "not the admin"
    assert hub != empty(address), "no hub"
    self.enrolled[hub] = True
    log HubEnrolled(hub=hub)


@external
def remove(hub: address):
    """
    @notice Stop a hub. Its anchors and locks stay what they are. Only the admin.
    """
    assert msg.sender == admin, "not the admin"
    self.enrolled[hub] = False
    log HubRemoved(hub=hub)


@external
def anchor(root: bytes32, size: uint64):
    """
    @notice State the root of the caller's log at a size greater than any it stated before.
    """
    assert self.enrolled[msg.sender], "not enrolled"
    assert size > self.anchors[msg.sender].size, "size must grow"
    self.anchors[msg.sender] = Anchor(root=root, size=size)
    log Anchored(hub=msg.sender, size=size, root=root)


@external
def reserve(fingerprints: DynArray[bytes32, MAX_FINGERPRINTS], owner_commitment: bytes32, expiry: uint64):
    """
    @notice Reserve all fingerprints for the caller until `expiry` (Unix seconds), or none of them.
    """
    assert self.enrolled[msg.sender], "not enrolled"
    assert len(fingerprints) > 0, "no fingerprints"
    now: uint64 = convert(block.timestamp, uint64)
    assert expiry > now, "expiry in the past"
    assert expiry <= now + MAX_RESERVATION_SECONDS, "expiry too far"
    packed: uint256 = self._pack(msg.sender, RESERVED, expiry)
    for fingerprint: bytes32 in fingerprints:
        assert self._is_free(self._locks[fingerprint], now), "taken"
        self._locks[fingerprint] = packed
        self._commitments[fingerprint] = owner_commitment
        log Reserved(fingerprint=fingerprint, hub=msg.sender, expiry=expiry, owner_commitment=owner_commitment)


@external
def finance(fingerprints: DynArray[bytes32, MAX_FINGERPRINTS], owner_commitment: bytes32):
    """
    @notice Turn the caller's own running reservations under one commitment into final locks, all or none.
    """
    assert len(fingerprints) > 0, "no fingerprints"
    now: uint64 = convert(block.timestamp, uint64)
    packed: uint256 = self._pack(msg.sender, FINANCED, 0)
    for fingerprint: bytes32 in fingerprints:
        held: Lock = self._lock_of(fingerprint)
        assert held.owner == msg.sender and held.owner_commitment == owner_commitment, "not yours"
        assert held.state == RESERVED, "not reserved"
        assert held.expiry > now, "expired"
        self._locks[fingerprint] = packed
        log Financed(fingerprint=fingerprint, hub=msg.sender)


@external
def release(fingerprints: DynArray[bytes32, MAX_FINGERPRINTS], owner_commitment: bytes32):
    """
    @notice Give up the caller's own locks under one commitment, reserved or financed, all or none.
    """
    assert len(fingerprints) > 0, "no fingerprints"
    packed: uint256 = self._pack(msg.sender, RELEASED, 0)
    for fingerprint: bytes32 in fingerprints:
        held: Lock = self._lock_of(fingerprint)
        assert held.owner == msg.sender and held.owner_commitment == owner_commitment, "not yours"
        assert held.state != RELEASED, "already released"
        self._locks[fingerprint] = packed
        log Released(fingerprint=fingerprint, hub=msg.sender)


@external
@view
def locks(fingerprints: DynArray[bytes32, MAX_FINGERPRINTS]) -> DynArray[Lock, MAX_FINGERPRINTS]:
    """
    @notice Return the locks as stored: one whose reservation has run out still reads as reserved.
    """
    found: DynArray[Lock, MAX_FINGERPRINTS] = []
    for fingerprint: bytes32 in fingerprints:
        found.append(self._lock_of(fingerprint))
    return found


@internal
@view
def _lock_of(fingerprint: bytes32) -> Lock:
    packed: uint256 = self._locks[fingerprint]
    return Lock(
        owner=convert(packed >> 72, address),
        state=(packed >> 64) & 255,
        expiry=convert(packed & convert(max_value(uint64), uint256), uint64),
        owner_commitment=self._commitments[fingerprint],
    )


@internal
@pure
def _pack(owner: address, state: uint256, expiry: uint64) -> uint256:
    return (convert(owner, uint256) << 72) | (state << 64) | convert(expiry, uint256)


@internal
@pure
def _is_free(packed: uint256, now: uint64) -> bool:
    state: uint256 = (packed >> 64) & 255
    if state == RESERVED:
        return convert(packed & convert(max_value(uint64), uint256), uint64) <= now
    return state != FINANCED
