/** The log: Merkle inclusion (RFC 9162 section 2.1.3.2) and signed checkpoints (C2SP tlog-checkpoint, signed-note). */

import { ed25519 } from '@noble/curves/ed25519.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { concat, decodeBase64, encodeBase64, equal, toHex, utf8 } from './bytes'
import { isWellFormed } from './json'
import { attempt, Refused, require } from './outcome'

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
  leaf: Uint8Array, index: number, size: number, proof: readonly Uint8Array[], root: Uint8Array,
): void {
  const sides = siblingSides(index, size)
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

/** On which side the siblings of a leaf stand, from the leaf up. Sizes go beyond 32 bits: arithmetic, no bit shifts. */
function siblingSides(index: number, size: number): ('left' | 'right')[] {
  const sides: ('left' | 'right')[] = []
  let [at, width] = [index, size]
  while (width > 1) {
    const left = splitPoint(width)
    sides.unshift(at < left ? 'right' : 'left')
    ;[at, width] = at < left ? [at, left] : [at - left, width - left]
  }
  return sides
}

/** The largest power of two below `width`. */
function splitPoint(width: number): number {
  let power = 1
  while (power * 2 < width) power *= 2
  return power
}

export interface Checkpoint {
  readonly origin: string
  readonly size: bigint
  readonly root: Uint8Array
}

interface LogKey {
  readonly name: string
  readonly id: Uint8Array
  readonly key: Uint8Array
}

const MAX_NOTE_CHARS = 16_384
const ED25519 = 1
// Unicode's white space and the ASCII separators.
const SPACE = '\\p{White_Space}\\x1c-\\x1f'
const NAME = new RegExp(`^[^+${SPACE}]+$`, 'u')
const SIGNATURE_LINE = new RegExp(`^— ([^${SPACE}]+) ([^${SPACE}]+)$`, 'u')

/** What the note states, after checking that the log's own key signed it once. Other signers' lines are allowed. */
export function verifyCheckpoint(note: string, vkey: string): Checkpoint {
  const log = parseVkey(vkey)
  const { body, lines } = splitNote(note)
  const checkpoint = parseBody(body)
  require(checkpoint.origin === log.name, '检查点属于另一个日志', 'the checkpoint is of another log')
  const signatures = lines.map(parseSignatureLine)
  const ours = signatures.filter(({ name, value }) => name === log.name && equal(value.subarray(0, 4), log.id))
  require(
    ours.length === 1,
    '检查点上没有恰好一个日志密钥的签名',
    "the checkpoint does not carry exactly one signature by the log's key",
  )
  const valid = verifyEd25519(ours[0]!.value.subarray(4), utf8(body), log.key)
  require(valid, '检查点签名错误', 'the signature of the checkpoint is wrong')
  return checkpoint
}

/** name+keyid+base64(0x01 || key), in which the id belongs to name and key. */
function parseVkey(vkey: string): LogKey {
  const [name = '', id = '', ...rest] = vkey.split('+')
  const encoded = rest.join('+')
  const typed = decodeBase64(encoded)
  const expected = sha256(concat(utf8(`${name}\n`), typed)).subarray(0, 4)
  const good = typed.length === 33 && typed[0] === ED25519 && NAME.test(name) && id === toHex(expected)
  require(good, '信任锚中的日志公钥格式不正确', "the log's key in the trust anchors is malformed")
  return { name, id: expected, key: typed.subarray(1) }
}

function splitNote(note: string): { body: string; lines: string[] } {
  const at = note.lastIndexOf('\n\n')
  const good = Array.from(note).length <= MAX_NOTE_CHARS && at >= 0 && note.endsWith('\n') && at + 2 < note.length
  require(good && isWellFormed(note), '检查点不是签名文本', 'the checkpoint is not a signed note')
  return { body: note.slice(0, at + 1), lines: note.slice(at + 2, -1).split('\n') }
}

function parseSignatureLine(line: string): { name: string; value: Uint8Array } {
  const found = SIGNATURE_LINE.exec(line)
  if (found === null) throw new Refused('检查点签名行格式不正确', 'a signature line of the checkpoint is malformed')
  return { name: found[1]!, value: decodeBase64(found[2]!) }
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

/**
 * Ed25519 without the cofactor (RFC 8032 section 5.1.7, the stronger of its two equations): the encoding of
 * [s]B - [k]A is R, byte for byte. Libraries that multiply by the cofactor accept signatures that others refuse, and a
 * hub could show a receipt to one party only.
 */
function verifyEd25519(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
  if (signature.length !== 64 || !attempt(() => ed25519.verify(signature, message, key, { zip215: false }))) return false
  const { Point } = ed25519
  const s = Point.Fn.fromBytes(signature.subarray(32))
  const k = Point.Fn.create(littleEndian(sha512(concat(signature.subarray(0, 32), key, message))))
  const nonce = Point.BASE.multiplyUnsafe(s).subtract(Point.fromBytes(key).multiplyUnsafe(k))
  return equal(nonce.toBytes(), signature.subarray(0, 32))
}

function littleEndian(data: Uint8Array): bigint {
  return BigInt('0x' + toHex(data.slice().reverse()))
}
