/** The form of a receipt (`huilian-receipt/v1`) and its own signature, which covers every other byte of the file. */

import { sha256 } from '@noble/hashes/sha2.js'
import { decodeBase64Url, encodeBase64Url, fromHex } from './bytes'
import { readJwk, thumbprint, verifyJws } from './jose'
import { canonicalise, isObject, parseCanonical, same, type Json, type JsonObject } from './json'
import { Refused, require } from './outcome'
import { ADDRESS, bytesAt, integerAt, listAt, malformed, matchingAt, MAX_SAFE, objectWith, textAt } from './strict'

export interface Anchor {
  readonly chainId: number
  readonly contract: string
  readonly txHash: string
  readonly blockNumber: number
  readonly rawTransaction: Uint8Array
  readonly size: number
  readonly root: Uint8Array
}

export interface Receipt {
  readonly record: JsonObject
  readonly salt: Uint8Array
  readonly leafIndex: number
  readonly treeSize: number
  readonly inclusionProof: readonly Uint8Array[]
  readonly checkpoint: string
  readonly anchor: Anchor
  readonly evidence: JsonObject
  /** Thumbprint of the key that signed; whether it is pinned is another check. */
  readonly hubKeyId: string
}

const MAX_BYTES = 1024 * 1024
const MAX_PROOF_HASHES = 64
const HASH = /^0x[0-9a-f]{64}$/
const HEX = /^0x([0-9a-f]{2})+$/
const KEYS = [
  'anchor', 'checkpoint', 'evidence', 'hub_key', 'inclusion_proof', 'leaf_index',
  'record', 'salt', 'signature', 'tree_size', 'type',
]
const ANCHOR_KEYS = [
  'block_hash', 'block_number', 'chain_id', 'contract', 'raw_transaction', 'root', 'size', 'tx_hash',
]

export function parseReceipt(data: Uint8Array): Receipt {
  require(data.length <= MAX_BYTES, '回执过大', 'the receipt is too large')
  const value = objectWith(parseCanonical(data), KEYS, 'receipt')
  require(value['type'] === 'huilian-receipt/v1', '不是本版本的回执', 'another type of receipt')
  const { record, evidence } = value
  if (!isObject(record) || !isObject(evidence)) throw malformed('record / evidence')
  const hubKey = readJwk(objectWith(value['hub_key'], ['crv', 'kty', 'x', 'y'], 'hub_key'))
  checkSignature(value, hubKey)
  const treeSize = integerAt(value, 'tree_size', 1, MAX_SAFE)
  return {
    record,
    evidence,
    treeSize,
    leafIndex: integerAt(value, 'leaf_index', 0, treeSize - 1),
    salt: bytesAt(value, 'salt', 32),
    inclusionProof: listAt(value, 'inclusion_proof', MAX_PROOF_HASHES).map(readHash),
    checkpoint: textAt(value, 'checkpoint', 16_384),
    anchor: readAnchor(value['anchor']),
    hubKeyId: thumbprint(hubKey),
  }
}

function checkSignature(value: JsonObject, hubKey: Uint8Array): void {
  const claims = verifyJws(value['signature'], new Map([[thumbprint(hubKey), hubKey]]), 'huilian-receipt+jwt')
  const { signature: _, ...unsigned } = value
  const expected = { receipt_sha256: encodeBase64Url(sha256(canonicalise(unsigned))) }
  require(same(claims, expected), '回执签名所签的是别的内容', 'the signature of the receipt is over something else')
}

function readHash(item: Json): Uint8Array {
  const hash = typeof item === 'string' ? decodeBase64Url(item) : new Uint8Array()
  if (hash.length !== 32) throw new Refused('证明中的散列不是 32 字节', "a proof's hash is not 32 bytes long")
  return hash
}

function readAnchor(raw: Json | undefined): Anchor {
  const value = objectWith(raw, ANCHOR_KEYS, 'anchor')
  matchingAt(value, 'block_hash', HASH)
  return {
    chainId: integerAt(value, 'chain_id', 1, MAX_SAFE),
    contract: matchingAt(value, 'contract', ADDRESS).toLowerCase(),
    txHash: matchingAt(value, 'tx_hash', HASH),
    blockNumber: integerAt(value, 'block_number', 0, MAX_SAFE),
    rawTransaction: fromHex(matchingAt(value, 'raw_transaction', HEX, 65_536).slice(2)),
    size: integerAt(value, 'size', 1, MAX_SAFE),
    root: bytesAt(value, 'root', 32),
  }
}
