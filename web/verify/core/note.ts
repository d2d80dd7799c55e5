/**
 * Signed notes (C2SP signed-note): a text, a blank line, and a line for each signature. Whose lines count is the caller's
 * question; here is what a line and a key are, and whether one verifies the other.
 */

import { ed25519 } from '@noble/curves/ed25519.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { ml_dsa65 } from '@noble/post-quantum/ml-dsa.js'
import { concat, decodeBase64, equal, toHex, toNumber, utf8 } from './bytes'
import { isWellFormed } from './json'
import { attempt, Refused, require } from './outcome'

export type KeyKind = 'Ed25519' | 'cosignature' | 'ML-DSA-65' | 'SM2'

interface Form {
  readonly kind: KeyKind
  /** Stands before the public key: a byte that C2SP assigned, or 0xff and a longer name. */
  readonly prefix: Uint8Array
  readonly keyBytes: number
  readonly signatureBytes: number
}

const FORMS: readonly Form[] = [
  { kind: 'Ed25519', prefix: Uint8Array.of(1), keyBytes: 32, signatureBytes: 64 },
  { kind: 'cosignature', prefix: Uint8Array.of(4), keyBytes: 32, signatureBytes: 72 },
  { kind: 'ML-DSA-65', prefix: unassigned('huilian/ML-DSA-65\n'), keyBytes: 1952, signatureBytes: 3309 },
  { kind: 'SM2', prefix: unassigned('huilian/SM2-SM3\n'), keyBytes: 65, signatureBytes: 64 },
]

function unassigned(name: string): Uint8Array {
  return concat(Uint8Array.of(0xff), utf8(name))
}

/** A public key under its holder's name. `id` is the four bytes, in hexadecimal, that name it in a line. */
export interface NoteKey {
  readonly name: string
  readonly id: string
  readonly form: Form
  readonly key: Uint8Array
}

export interface SignatureLine {
  readonly name: string
  readonly keyId: string
  readonly signature: Uint8Array
}

export interface Note {
  readonly body: string
  readonly lines: readonly SignatureLine[]
}

const MAX_NOTE_CHARS = 16_384
// Unicode's white space and the ASCII separators.
const SPACE = '\\p{White_Space}\\x1c-\\x1f'
const NAME = new RegExp(`^[^+${SPACE}]+$`, 'u')
const SIGNATURE_LINE = new RegExp(`^— ([^${SPACE}]+) ([^${SPACE}]+)$`, 'u')

/** name+keyid+base64(kind || key), in which the id belongs to name and key. */
export function parseVkey(vkey: string): NoteKey {
  const [name = '', id = '', ...rest] = vkey.split('+')
  const typed = decodeBase64(rest.join('+'))
  const form = FORMS.find(({ prefix, keyBytes }) => {
    return typed.length === prefix.length + keyBytes && equal(typed.subarray(0, prefix.length), prefix)
  })
  const expected = toHex(sha256(concat(utf8(`${name}\n`), typed)).subarray(0, 4))
  if (form === undefined || !NAME.test(name) || id !== expected) {
    throw new Refused('信任锚中的公钥格式不正确', 'a verifier key in the trust anchors is malformed')
  }
  return { name, id, form, key: typed.subarray(form.prefix.length) }
}

export function parseNote(note: string): Note {
  const at = note.lastIndexOf('\n\n')
  const good = Array.from(note).length <= MAX_NOTE_CHARS && at >= 0 && note.endsWith('\n') && at + 2 < note.length
  require(good && isWellFormed(note), '检查点不是签名文本', 'the checkpoint is not a signed note')
  return { body: note.slice(0, at + 1), lines: note.slice(at + 2, -1).split('\n').map(parseLine) }
}

function parseLine(line: string): SignatureLine {
  const found = SIGNATURE_LINE.exec(line)
  if (found === null) throw new Refused('检查点签名行格式不正确', 'a signature line of the checkpoint is malformed')
  const value = decodeBase64(found[2]!)
  return { name: found[1]!, keyId: toHex(value.subarray(0, 4)), signature: value.subarray(4) }
}

/** The signatures on the lines that name a key; they are not verified. */
export function signaturesOf(note: Note, key: NoteKey): Uint8Array[] {
  return note.lines.filter((line) => line.name === key.name && line.keyId === key.id).map((line) => line.signature)
}

/** Whether a signature is this key's on the note's text. */
export function verifies(key: NoteKey, signature: Uint8Array, body: string): boolean {
  if (signature.length !== key.form.signatureBytes) return false
  switch (key.form.kind) {
    case 'Ed25519':
      return verifyEd25519(signature, utf8(body), key.key)
    case 'cosignature':
      return verifyCosignature(signature, body, key.key)
    case 'ML-DSA-65':
      return attempt(() => ml_dsa65.verify(signature, utf8(body), key.key)) === true
    case 'SM2':
      // Red, never a wrong green: this page has no SM2.
      throw new Refused(
        '本页不能验证 SM2 签名，请用 make verify 核验',
        'this page cannot check SM2 signatures: use make verify',
      )
  }
}

/** Eight bytes of Unix time, then an Ed25519 signature that covers it (C2SP tlog-cosignature). */
function verifyCosignature(signature: Uint8Array, body: string, key: Uint8Array): boolean {
  const seconds = toNumber(signature.subarray(0, 8))
  const text = `cosignature/v1\ntime ${seconds}\n${body}`
  return seconds < 1n << 63n && verifyEd25519(signature.subarray(8), utf8(text), key)
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
