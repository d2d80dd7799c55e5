/** secp256k1 and raw Ethereum transactions: RLP (yellow paper, appendix B), legacy form with EIP-155. */

import { secp256k1 } from '@noble/curves/secp256k1.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { concat, toHex, toNumber, utf8 } from './bytes'
import { attempt, Refused, require } from './outcome'

const ORDER = secp256k1.Point.Fn.ORDER
const ANCHOR_SELECTOR = toHex(keccak_256(utf8('anchor(bytes32,uint64)')).subarray(0, 4))

export interface AnchorCall {
  readonly hash: string
  readonly chainId: bigint
  readonly contract: string
  readonly sender: string
  readonly root: Uint8Array
  readonly size: bigint
}

/** What a signed call of `anchor` says, and who signed it. */
export function readAnchorCall(raw: Uint8Array): AnchorCall {
  const fields = decodeRlpList(raw)
  require(fields.length === 9, '原始交易不是传统格式', 'the raw transaction is not a legacy transaction')
  const [to, data] = [fields[3]!, fields[5]!]
  const [v, r, s] = [scalar(fields[6]!), scalar(fields[7]!), scalar(fields[8]!)]
  require(v >= 37n, '原始交易没有重放保护（EIP-155）', 'the raw transaction has no replay protection (EIP-155)')
  const chainId = (v - 35n) / 2n
  const signed = keccak_256(encodeRlpList([...fields.slice(0, 6), minimal(chainId), EMPTY, EMPTY]))
  const sender = addressOf(recover(signed, r, s, v % 2n === 0n))
  require(to.length === 20, '原始交易没有调用合约', 'the raw transaction calls no contract')
  const calls = data.length === 68 && toHex(data.subarray(0, 4)) === ANCHOR_SELECTOR
  require(calls, '原始交易不是锚定调用', 'the raw transaction is not a call of anchor')
  return {
    hash: '0x' + toHex(keccak_256(raw)),
    chainId,
    contract: '0x' + toHex(to),
    sender,
    root: data.slice(4, 36),
    size: toNumber(data.subarray(36)),
  }
}

/** The uncompressed public key that signed `digest`, with a low s (EIP-2) and this parity of the nonce point. */
export function recover(digest: Uint8Array, r: bigint, s: bigint, odd: boolean): Uint8Array {
  require(s <= ORDER / 2n, '签名不是唯一规范形式（EIP-2）', 'the signature is not in its canonical form (EIP-2)')
  const key = attempt(() => new secp256k1.Signature(r, s, odd ? 1 : 0).recoverPublicKey(digest).toBytes(false))
  if (key === undefined) throw new Refused('签名不属于任何密钥', 'the signature belongs to nobody')
  return key
}

export function addressOf(point: Uint8Array): string {
  return '0x' + toHex(keccak_256(point.subarray(1)).subarray(12))
}

const EMPTY = new Uint8Array()
const LIST = 0xc0
const STRING = 0x80
const SHORT = 55

/** One list of byte strings that fills `raw`, in its shortest encoding only. */
function decodeRlpList(raw: Uint8Array): Uint8Array[] {
  require(raw.length > 0 && raw[0]! >= LIST, '原始交易不是传统格式', 'the raw transaction is not a legacy transaction')
  const list = readItem(raw, 0)
  require(list.end === raw.length, '原始交易缺少或多出字节', 'the raw transaction has missing or extra bytes')
  const items: Uint8Array[] = []
  for (let at = list.start; at < list.end; ) {
    require(raw[at]! < LIST, '原始交易含嵌套列表', 'the raw transaction holds a nested list')
    const item = readItem(raw, at)
    items.push(raw.slice(item.start, item.end))
    at = item.end
  }
  return items
}

/** Where the content of the item at `at` stands; refuses what runs over the end and every longer spelling. */
function readItem(raw: Uint8Array, at: number): { start: number; end: number } {
  const first = raw[at]!
  if (first < STRING) return { start: at, end: at + 1 }
  const code = first - (first >= LIST ? LIST : STRING)
  const sizeBytes = Math.max(0, code - SHORT)
  const start = at + 1 + sizeBytes
  const stated = raw.subarray(at + 1, start)
  // Four bytes of length are far more than the file may hold.
  require(stated.length === sizeBytes && sizeBytes <= 4, '原始交易不完整', 'the raw transaction is cut off')
  const size = sizeBytes === 0 ? code : Number(toNumber(stated))
  require(start + size <= raw.length, '原始交易不完整', 'the raw transaction is cut off')
  const shortest = sizeBytes === 0 ? !(first === STRING + 1 && raw[start]! < STRING) : size > SHORT && stated[0] !== 0
  require(shortest, '原始交易不是规范编码', 'the raw transaction is not in its canonical encoding')
  return { start, end: start + size }
}

function encodeRlpList(items: readonly Uint8Array[]): Uint8Array {
  const content = concat(...items.map((item) => (item.length === 1 && item[0]! < STRING ? item : prefixed(item, STRING))))
  return prefixed(content, LIST)
}

function prefixed(content: Uint8Array, base: number): Uint8Array {
  if (content.length <= SHORT) return concat(Uint8Array.of(base + content.length), content)
  const size = minimal(BigInt(content.length))
  return concat(Uint8Array.of(base + SHORT + size.length), size, content)
}

/** The shortest big-endian bytes of a number; none for zero. */
function minimal(number: bigint): Uint8Array {
  const bytes: number[] = []
  for (let rest = number; rest > 0n; rest >>= 8n) bytes.unshift(Number(rest & 0xffn))
  return Uint8Array.from(bytes)
}

function scalar(field: Uint8Array): bigint {
  require(field.length <= 32 && field[0] !== 0, '原始交易中的数字格式不正确', 'a number in the raw transaction is malformed')
  return toNumber(field)
}
