/** The log: Merkle inclusion (RFC 9162 section 2.1.3.2), checkpoints and cosignatures (C2SP tlog-checkpoint). */

import { sha256 } from '@noble/hashes/sha2.js'
import { concat, decodeBase64, encodeBase64, equal } from './bytes'
import { parseNote, parseVkey, signaturesOf, verifies, type Note, type NoteKey } from './note'
import { Refused, require } from './outcome'
import type { TrustedEpoch, TrustedWitnesses } from './trust'

const MAX_SIZE = 1n << 64n

export function leafHash(data: Uint8Array): Uint8Array {
  return sha256(concat(Uint8Array.of(0), data))
}

function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(concat(Uint8Array.of(1), left, right))
}

/**
 * Check that `leaf` is number `index` of the `size` leaves under `root`.
 *
 * The path is walked from the root down to know on which side each sibling stands, then hashed from the leaf up.
 */
export function verifyInclusion(
  leaf: Uint8Array, index: number, size: number | bigint, proof: readonly Uint8Array[], root: Uint8Array,
): void {
  const width = BigInt(size)
  require(0n < width && width < MAX_SIZE, '日志大小超出范围', 'the size is not between 1 and 2^64 - 1')
  require(BigInt(index) < width, '序号不在日志之内', 'the leaf is outside the tree')
  require([leaf, ...proof].every(({ length }) => length === 32), '散列不是 32 字节', 'a hash is not 32 bytes long')
  const sides = siblingSides(BigInt(index), width)
  require(
    sides.length === proof.length,
    `证明应有 ${sides.length} 个散列，实有 ${proof.length} 个`,
    `the proof has ${proof.length} hashes where the path to the root has ${sides.length}`,
  )
  const top = proof.reduce(
    (running, sibling, at) => (sides[at] === 'left' ? nodeHash(sibling, running) : nodeHash(running, sibling)),
    leaf,
  )
  require(equal(top, root), '证明没有通向锚定的根', 'the proof leads to another root')
}

/** On which side the siblings of a leaf stand, from the leaf up. */
function siblingSides(index: bigint, size: bigint): ('left' | 'right')[] {
  const sides: ('left' | 'right')[] = []
  let [at, width] = [index, size]
  while (width > 1n) {
    const left = splitPoint(width)
    sides.unshift(at < left ? 'right' : 'left')
    ;[at, width] = at < left ? [at, left] : [at - left, width - left]
  }
  return sides
}

/** The largest power of two below `width`. */
function splitPoint(width: bigint): bigint {
  let power = 1n
  while (power * 2n < width) power *= 2n
  return power
}

export interface Checkpoint {
  readonly origin: string
  readonly size: bigint
  readonly root: Uint8Array
}

interface Epoch {
  readonly keys: readonly NoteKey[]
  readonly until: number | null
}

/** What the note states, after checking that all keys of one epoch of the log signed it. Other lines are allowed. */
export function verifyCheckpoint(text: string, pinned: readonly TrustedEpoch[]): Checkpoint {
  const epochs = readEpochs(pinned)
  const note = parseNote(text)
  const checkpoint = parseBody(note.body)
  const name = epochs[0]!.keys[0]!.name
  require(checkpoint.origin === name, '检查点属于另一个日志', 'the checkpoint is of another log')
  const { keys } = signingEpoch(note, epochs, name, checkpoint.size)
  const valid = keys.every((key) => signaturesOf(note, key).every((signature) => verifies(key, signature, note.body)))
  require(valid, '检查点签名错误', 'the signature of the checkpoint is wrong')
  return checkpoint
}

/** Ed25519 first, at most one key of each other kind, and one name over all. */
function readEpochs(pinned: readonly TrustedEpoch[]): Epoch[] {
  const epochs = pinned.map(({ vkeys, until }) => ({ keys: vkeys.map(parseVkey), until }))
  const names = new Set(epochs.flatMap(({ keys }) => keys.map(({ name }) => name)))
  const good = names.size === 1 && epochs.every(({ keys }) => isSigningSet(keys.map(({ form }) => form.kind)))
  require(good, '信任锚中的日志公钥互相矛盾', "the log's keys in the trust anchors cannot be one log's")
  return epochs
}

function isSigningSet(kinds: readonly string[]): boolean {
  return kinds[0] === 'Ed25519' && !kinds.includes('cosignature') && new Set(kinds).size === kinds.length
}

/** The epoch whose keys, each once and no other key of the log, are named on the lines, within its bound. */
function signingEpoch(note: Note, epochs: readonly Epoch[], name: string, size: bigint): Epoch {
  const known = new Set(epochs.flatMap(({ keys }) => keys.map(({ id }) => id)))
  const named = note.lines.filter((line) => line.name === name && known.has(line.keyId)).map(({ keyId }) => keyId)
  const signing = epochs.filter(({ keys }) => sameMembers(keys.map(({ id }) => id), named))
  require(
    signing.length > 0,
    '检查点上没有恰好每个日志密钥一个签名',
    "the checkpoint does not carry exactly one signature by each of the log's keys",
  )
  const epoch = signing.find(({ until }) => until === null || size <= BigInt(until))
  if (epoch === undefined) {
    throw new Refused('检查点由已停用的密钥签名', 'the checkpoint was signed by a key that was retired before')
  }
  return epoch
}

function sameMembers(left: readonly string[], right: readonly string[]): boolean {
  return JSON.stringify([...left].sort()) === JSON.stringify([...right].sort())
}

/** The names of the pinned witnesses that cosigned; one wrong cosignature, or too few of them, is a refusal. */
export function verifyCosignatures(text: string, pinned: TrustedWitnesses): string[] {
  const keys = pinned.vkeys.map(parseVkey)
  const cosigning = keys.every(({ form }) => form.kind === 'cosignature')
  require(cosigning, '信任锚中的见证方公钥不是共同签名公钥', "a witness's key is not a cosignature key")
  const reachable = pinned.atLeast <= new Set(keys.map(({ name }) => name)).size
  require(reachable, '信任锚中的见证方少于所需', 'fewer witnesses are named than are needed')
  const note = parseNote(text)
  const names = new Set<string>()
  for (const key of keys) {
    for (const signature of signaturesOf(note, key)) {
      require(verifies(key, signature, note.body), `${key.name} 的共同签名错误`, `the cosignature of ${key.name} is wrong`)
      names.add(key.name)
    }
  }
  require(
    names.size >= pinned.atLeast,
    `需要 ${pinned.atLeast} 个见证方，只有 ${names.size} 个共同签名`,
    `${names.size} of the ${pinned.atLeast} witnesses that are needed cosigned`,
  )
  return [...names].sort()
}

function parseBody(body: string): Checkpoint {
  const lines = body.slice(0, -1).split('\n')
  const [origin = '', size = '', encoded = ''] = lines
  const good = lines.length >= 3 && lines.every((line) => line !== '') && /^(0|[1-9][0-9]{0,19})$/.test(size)
  require(good, '检查点内容格式不正确', 'the checkpoint has no origin, size and root')
  const root = decodeBase64(encoded)
  require(root.length === 32 && encodeBase64(root) === encoded, '检查点的根不正确', 'the root in the checkpoint is malformed')
  return { origin, size: BigInt(size), root }
}
