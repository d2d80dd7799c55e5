/** A proof that a log showed two histories: two checkpoints that it signed and that contradict each other. */

import { decodeBase64Url, equal } from './bytes'
import { parseCanonical, type Json, type JsonObject } from './json'
import { verifyCheckpoint, verifyInclusion, type Checkpoint } from './log'
import { Refused, require, runCheck, type Check, type Reason } from './outcome'
import { integerAt, listAt, malformed, MAX_SAFE, objectWith, textAt } from './strict'
import type { TrustAnchors } from './trust'

export const EQUIVOCATION = 'huilian-equivocation/v1'
const MAX_NOTE_CHARS = 16_384
const MAX_PROOF_HASHES = 64

interface Branch {
  readonly leafHash: Uint8Array
  readonly proof: readonly Uint8Array[]
}

/** The checks of such a file; all hold when the log's own signatures convict it. */
export function checkEquivocation(data: Uint8Array, trust: TrustAnchors): Check[] {
  const parsed: JsonObject[] = []
  const form = runCheck('form', () => {
    const value = objectWith(parseCanonical(data), ['first', 'fork', 'origin', 'second', 'type'], 'equivocation')
    require(value['type'] === EQUIVOCATION, '文件版本未知', 'another type')
    parsed.push(value)
    return { zh: '字节为规范形式', en: 'canonical bytes' }
  })
  const [value] = parsed
  if (value === undefined) return [form]
  return [
    form,
    runCheck('both checkpoints', () => checkSigned(value, trust)),
    runCheck('contradiction', () => checkContradiction(value, trust)),
  ]
}

function checkpoints(value: JsonObject, trust: TrustAnchors): [Checkpoint, Checkpoint] {
  const origin = textAt(value, 'origin')
  const hub = trust.hubs.find(({ logName }) => logName === origin)
  if (hub === undefined) throw new Refused(`信任锚中没有日志 ${origin} 的公钥`, `no key of the log ${origin} is pinned`)
  const [first, second] = [textAt(value, 'first', MAX_NOTE_CHARS), textAt(value, 'second', MAX_NOTE_CHARS)]
  return [verifyCheckpoint(first, hub.epochs), verifyCheckpoint(second, hub.epochs)]
}

function checkSigned(value: JsonObject, trust: TrustAnchors): Reason {
  const [first, second] = checkpoints(value, trust)
  return {
    zh: `日志 ${first.origin} 签署了大小 ${first.size} 与 ${second.size} 的状态`,
    en: `${first.origin} signed sizes ${first.size} and ${second.size}`,
  }
}

function checkContradiction(value: JsonObject, trust: TrustAnchors): Reason {
  const [first, second] = checkpoints(value, trust)
  if (value['fork'] === null) {
    require(first.size === second.size, '大小不同的状态须指出分歧之处', 'checkpoints of two sizes need the place where they part')
    require(!equal(first.root, second.root), '两个检查点一致', 'the two checkpoints agree')
    return { zh: `大小同为 ${first.size}，根却有两个`, en: `two roots for size ${first.size}` }
  }
  const fork = objectWith(value['fork'], ['first', 'index', 'second'], 'fork')
  const index = integerAt(fork, 'index', 0, MAX_SAFE)
  const [one, other] = [readBranch(fork['first']), readBranch(fork['second'])]
  verifyInclusion(one.leafHash, index, first.size, one.proof, first.root)
  verifyInclusion(other.leafHash, index, second.size, other.proof, second.root)
  require(!equal(one.leafHash, other.leafHash), '两棵树在此处的叶相同', 'both trees have the same leaf there')
  return { zh: `第 ${index} 条有两个不同的叶`, en: `two leaves at index ${index}` }
}

function readBranch(raw: Json | undefined): Branch {
  const value = objectWith(raw, ['leaf_hash', 'proof'], 'branch')
  const proof = listAt(value, 'proof', MAX_PROOF_HASHES).map((item) => {
    if (typeof item !== 'string') throw malformed('proof')
    return decodeBase64Url(item)
  })
  return { leafHash: decodeBase64Url(textAt(value, 'leaf_hash')), proof }
}
