# pragma version 0.4.3
# pragma evm-version paris
"""
@title Huilian ledger: hubs and their keys, log anchors, claim locks
@license Apache-2.0
@notice Enrolled hubs anchor the roots of their logs and lock receivables so that none is financed twice.
@dev No amount, party or plain hash ever comes here: roots cover salted commitments, fingerprints are keyed, and an
     owner commitment is a salted hash that only its hub can open. A hub is a number; its keys follow each other in
     epochs that stay on record, so an old anchor stays attributable and a lock survives a change of keys.
"""

# Fingerprints in one call, of one claim or of many; bounds the gas of a call.
MAX_FINGERPRINTS: constant(uint256) = 256
# A reservation only bridges the time until disbursement; a longer one would block the receivable for everybody.
MAX_RESERVATION_SECONDS: constant(uint64) = 30 * 24 * 3600

RESERVED: constant(uint256) = 1
FINANCED: constant(uint256) = 2
RELEASED: constant(uint256) = 3

# What a key may do: everything, nothing any more (a later epoch began), or release only (its hub was removed).
UNKNOWN: constant(uint256) = 0
CURRENT: constant(uint256) = 1
RETIRED: constant(uint256) = 2
REMOVED: constant(uint256) = 3

COMMITMENT_BITS: constant(uint256) = 176
COMMITMENT_MASK: constant(uint256) = 2**176 - 1

struct Anchor:
    root: bytes32
    size: uint64

struct Lock:
    owner: uint32
    state: uint256
    expiry: uint64
    owner_commitment: bytes22

struct HubKey:
    hub: uint32
    epoch: uint32
    status: uint256

struct KeyEpoch:
    key: address
    from_block: uint64

event HubEnrolled:
    hub: indexed(uint32)
    key: indexed(address)

event HubRemoved:
    hub: indexed(uint32)

event KeyAnnounced:
    hub: indexed(uint32)
    key: indexed(address)

event KeyChanged:
    hub: indexed(uint32)
    key: indexed(address)
    epoch: uint32

event Anchored:
    hub: indexed(uint32)
    size: uint64
    root: bytes32
    epoch: uint32

event Reserved:
    fingerprint: indexed(bytes32)
    hub: indexed(uint32)
    expiry: uint64
    owner_commitment: bytes22

event Financed:
    fingerprint: indexed(bytes32)
    hub: indexed(uint32)

event Released:
    fingerprint: indexed(bytes32)
    hub: indexed(uint32)

# A claim of a batch that did not go through, with the fingerprint that was in its way.
event Refused:
    fingerprint: indexed(bytes32)
    hub: indexed(uint32)
    owner_commitment: bytes22

event Voted:
    motion: indexed(uint256)
    hub: indexed(uint32)
    votes: uint32

event Paused:
    motion: indexed(uint256)

event Unpaused:
    motion: indexed(uint256)

admin: public(immutable(address))
# Numbers given to hubs so far, and how many of them are not removed.
hubs: public(uint32)
active_hubs: public(uint32)
anchors: public(HashMap[uint32, Anchor])
announced: public(HashMap[uint32, address])

# While paused nothing is reserved or financed. Anchors, releases and changes of keys go on: they lock nobody out.
paused: public(bool)
# The motion is always to turn `paused` over; each turn begins a new one.
motion: public(uint256)
votes: public(uint32)
_voted: HashMap[uint256, HashMap[uint32, bool]]

# hub (32 bits) | epoch (32 bits) | status (8 bits)
_keys: HashMap[address, uint256]
newest_epoch: public(HashMap[uint32, uint32])
_epochs: HashMap[uint32, HashMap[uint32, KeyEpoch]]
# owner (32 bits) | state (8 bits) | expiry (40 bits) | owner commitment (176 bits): one slot, because a slot is most
# of what a lock costs.
_locks: HashMap[bytes32, uint256]


@deploy
def __init__():
    admin = msg.sender


@external
def enrol(key: address):
    """
    @notice Let a hub in under its first key, or a removed one in again under its newest. Only the admin.
    """
    assert msg.sender == admin, "not the admin"
    assert key != empty(address), "no key"
    known: uint256 = self._keys[key]
    status: uint256 = known & 255
    assert status == UNKNOWN or status == REMOVED, "key in use"
    hub: uint32 = convert(known >> 40, uint32)
    epoch: uint32 = convert((known >> 8) & convert(max_value(uint32), uint256), uint32)
    if status == UNKNOWN:
        self.hubs += 1
        hub = self.hubs
        self._epochs[hub][0] = KeyEpoch(key=key, from_block=convert(block.number, uint64))
    self.active_hubs += 1
    self._keys[key] = self._pack_key(hub, epoch, CURRENT)
    log HubEnrolled(hub=hub, key=key)


@external
def remove(key: address):
    """
    @notice Stop the hub with this current key. Its anchors and locks stay what they are; it may still release.
    """
    assert msg.sender == admin, "not the admin"
    known: uint256 = self._keys[key]
    assert known & 255 == CURRENT, "not enrolled"
    hub: uint32 = convert(known >> 40, uint32)
    self._keys[key] = known - CURRENT + REMOVED
    self.active_hubs -= 1
    if self._voted[self.motion][hub]:
        self._voted[self.motion][hub] = False
        self.votes -= 1
    log HubRemoved(hub=hub)


@external
def announce_key(key: address):
    """
    @notice Name the caller's next key; the zero address takes an announcement back.
    """
    hub: uint32 = convert(self._current(msg.sender) >> 40, uint32)
    self.announced[hub] = key
    log KeyAnnounced(hub=hub, key=key)


@external
def accept_key(hub: uint32):
    """
    @notice Begin the caller's epoch as the key of a hub that announced it; the key before signs nothing any more.
    """
    # The new key itself says so: nobody can be given a key that is another's.
    assert self.announced[hub] == msg.sender, "not announced"
    assert self._keys[msg.sender] == 0, "key in use"
    newest: uint32 = self.newest_epoch[hub]
    before: address = self._epochs[hub][newest].key
    known: uint256 = self._keys[before]
    assert known & 255 == CURRENT, "not enrolled"
    self._keys[before] = known - CURRENT + RETIRED
    self.newest_epoch[hub] = newest + 1
    self._keys[msg.sender] = self._pack_key(hub, newest + 1, CURRENT)
    self._epochs[hub][newest + 1] = KeyEpoch(key=msg.sender, from_block=convert(block.number, uint64))
    self.announced[hub] = empty(address)
    log KeyChanged(hub=hub, key=msg.sender, epoch=newest + 1)


@external
def vote(motion: uint256):
    """
    @notice Vote, once per motion, to turn `paused` over; it turns when more than half of the hubs voted.
    """
    hub: uint32 = convert(self._current(msg.sender) >> 40, uint32)
    assert motion == self.motion, "another motion"
    assert not self._voted[motion][hub], "voted already"
    self._voted[motion][hub] = True
    self.votes += 1
    log Voted(motion=motion, hub=hub, votes=self.votes)
    if self.votes > self.active_hubs // 2:
        self.paused = not self.paused
        self.motion = motion + 1
        self.votes = 0
        if self.paused:
            log Paused(motion=motion)
        else:
            log Unpaused(motion=motion)


@external
def withdraw_vote(motion: uint256):
    """
    @notice Take a vote back before its motion is carried.
    """
    hub: uint32 = convert(self._current(msg.sender) >> 40, uint32)
    assert motion == self.motion, "another motion"
    assert self._voted[motion][hub], "no vote"
    self._voted[motion][hub] = False
    self.votes -= 1
    log Voted(motion=motion, hub=hub, votes=self.votes)


@external
def anchor(root: bytes32, size: uint64):
    """
    @notice State the root of the caller's log at a size greater than any it stated before.
    """
    known: uint256 = self._current(msg.sender)
    hub: uint32 = convert(known >> 40, uint32)
    assert size > self.anchors[hub].size, "size must grow"
    self.anchors[hub] = Anchor(root=root, size=size)
    epoch: uint32 = convert((known >> 8) & convert(max_value(uint32), uint256), uint32)
    log Anchored(hub=hub, size=size, root=root, epoch=epoch)


@external
def reserve(
    fingerprints: DynArray[bytes32, MAX_FINGERPRINTS], claims: DynArray[bytes32, MAX_FINGERPRINTS], expiry: uint64
):
    """
    @notice Reserve the fingerprints of each claim for the caller until `expiry` (Unix seconds), all of them or none.
    @param fingerprints Those of the first claim, then those of the second, and so on.
    @param claims For each claim 22 bytes of owner commitment, 9 zero bytes, and one byte: how many fingerprints.
    @dev A claim that is in nobody's reach is left out and told (Refused); a call that takes no claim is reverted.
    """
    assert not self.paused, "paused"
    hub: uint256 = self._current(msg.sender) >> 40
    now: uint64 = convert(block.timestamp, uint64)
    assert expiry > now, "expiry in the past"
    assert expiry <= now + MAX_RESERVATION_SECONDS, "expiry too far"
    held: uint256 = (hub << 224) | (RESERVED << 216) | (convert(expiry, uint256) << COMMITMENT_BITS)
    at: uint256 = 0
    taken: uint256 = 0
    for claim: bytes32 in claims:
        end: uint256 = at + self._count(claim)
        commitment: uint256 = convert(claim, uint256) >> 80
        owner: bytes22 = self._bytes22(commitment)
        free: bool = True
        for i: uint256 in range(at, end, bound=MAX_FINGERPRINTS):
            if not self._is_free(self._locks[fingerprints[i]], now):
                free = False
                log Refused(fingerprint=fingerprints[i], hub=convert(hub, uint32), owner_commitment=owner)
                break
        if free:
            taken += 1
            for i: uint256 in range(at, end, bound=MAX_FINGERPRINTS):
                self._locks[fingerprints[i]] = held | commitment
                log Reserved(
                    fingerprint=fingerprints[i],
                    hub=convert(hub, uint32),
                    expiry=expiry,
                    owner_commitment=owner,
                )
        at = end
    assert at == len(fingerprints), "wrong counts"
    assert taken > 0, "taken"


@external
def finance(fingerprints: DynArray[bytes32, MAX_FINGERPRINTS], claims: DynArray[bytes32, MAX_FINGERPRINTS]):
    """
    @notice Make the caller's own running reservations final, for each claim all of them or none.
    """
    assert not self.paused, "paused"
    hub: uint256 = self._current(msg.sender) >> 40
    now: uint256 = block.timestamp
    at: uint256 = 0
    done: uint256 = 0
    for claim: bytes32 in claims:
        end: uint256 = at + self._count(claim)
        commitment: uint256 = convert(claim, uint256) >> 80
        owner: bytes22 = self._bytes22(commitment)
        mine: bool = True
        for i: uint256 in range(at, end, bound=MAX_FINGERPRINTS):
            held: uint256 = self._locks[fingerprints[i]]
            running: bool = held >> 216 == (hub << 8) | RESERVED and (held >> COMMITMENT_BITS) & (2**40 - 1) > now
            if not running or held & COMMITMENT_MASK != commitment:
                mine = False
                log Refused(fingerprint=fingerprints[i], hub=convert(hub, uint32), owner_commitment=owner)
                break
        if mine:
            done += 1
            for i: uint256 in range(at, end, bound=MAX_FINGERPRINTS):
                self._locks[fingerprints[i]] = (hub << 224) | (FINANCED << 216) | commitment
                log Financed(fingerprint=fingerprints[i], hub=convert(hub, uint32))
        at = end
    assert at == len(fingerprints), "wrong counts"
    assert done > 0, "not reserved by you"


@external
def release(fingerprints: DynArray[bytes32, MAX_FINGERPRINTS], claims: DynArray[bytes32, MAX_FINGERPRINTS]):
    """
    @notice Give up the caller's own locks, reserved or financed, for each claim all of them or none.
    """
    # Also for a hub that was removed, and while paused: it only ever frees.
    known: uint256 = self._keys[msg.sender]
    assert known & 255 == CURRENT or known & 255 == REMOVED, "not enrolled"
    hub: uint256 = known >> 40
    at: uint256 = 0
    done: uint256 = 0
    for claim: bytes32 in claims:
        end: uint256 = at + self._count(claim)
        commitment: uint256 = convert(claim, uint256) >> 80
        owner: bytes22 = self._bytes22(commitment)
        mine: bool = True
        for i: uint256 in range(at, end, bound=MAX_FINGERPRINTS):
            held: uint256 = self._locks[fingerprints[i]]
            if held >> 224 != hub or held & COMMITMENT_MASK != commitment or (held >> 216) & 255 == RELEASED:
                mine = False
                log Refused(fingerprint=fingerprints[i], hub=convert(hub, uint32), owner_commitment=owner)
                break
        if mine:
            done += 1
            for i: uint256 in range(at, end, bound=MAX_FINGERPRINTS):
                self._locks[fingerprints[i]] = (hub << 224) | (RELEASED << 216) | commitment
                log Released(fingerprint=fingerprints[i], hub=convert(hub, uint32))
        at = end
    assert at == len(fingerprints), "wrong counts"
    assert done > 0, "not held by you"


@external
@view
def locks(fingerprints: DynArray[bytes32, MAX_FINGERPRINTS]) -> DynArray[Lock, MAX_FINGERPRINTS]:
    """
    @notice Return the locks as stored: one whose reservation has run out still reads as reserved.
    """
    found: DynArray[Lock, MAX_FINGERPRINTS] = []
    for fingerprint: bytes32 in fingerprints:
        held: uint256 = self._locks[fingerprint]
        found.append(
            Lock(
                owner=convert(held >> 224, uint32),
                state=(held >> 216) & 255,
                expiry=convert((held >> COMMITMENT_BITS) & (2**40 - 1), uint64),
                owner_commitment=self._bytes22(held & COMMITMENT_MASK),
            )
        )
    return found


@external
@view
def enrolled(key: address) -> bool:
    """
    @notice Tell whether this is the current key of a hub that was not removed.
    """
    return self._keys[key] & 255 == CURRENT


@external
@view
def hub_key(key: address) -> HubKey:
    """
    @notice Return whose key this is, of which epoch, and what it may do; hub 0 for a key that was never a hub's.
    """
    known: uint256 = self._keys[key]
    return HubKey(
        hub=convert(known >> 40, uint32),
        epoch=convert((known >> 8) & convert(max_value(uint32), uint256), uint32),
        status=known & 255,
    )


@external
@view
def key_epoch(hub: uint32, epoch: uint32) -> KeyEpoch:
    """
    @notice Return the key of one of a hub's epochs and its first block; the next epoch's first block ends it.
    """
    return self._epochs[hub][epoch]


@internal
@view
def _current(key: address) -> uint256:
    known: uint256 = self._keys[key]
    assert known & 255 == CURRENT, "not enrolled"
    return known


@internal
@pure
def _count(claim: bytes32) -> uint256:
    count: uint256 = convert(claim, uint256) & (2**80 - 1)
    assert count > 0 and count < MAX_FINGERPRINTS, "bad claim"
    return count


@internal
@pure
def _bytes22(number: uint256) -> bytes22:
    return convert(convert(number << 80, bytes32), bytes22)


@internal
@pure
def _pack_key(hub: uint32, epoch: uint32, status: uint256) -> uint256:
    return (convert(hub, uint256) << 40) | (convert(epoch, uint256) << 8) | status


@internal
@pure
def _is_free(held: uint256, now: uint64) -> bool:
    state: uint256 = (held >> 216) & 255
    if state == RESERVED:
        return (held >> COMMITMENT_BITS) & (2**40 - 1) <= convert(now, uint256)
    return state != FINANCED
