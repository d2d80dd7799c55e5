/**
 * The second implementation of the offline verifier, written from the formats (docs and comments of the protocol), not
 * from the first one in Python. Pure: no network, no clock; `now` only says whether a consent is valid today.
 */

import { ACCESS_EXPORT, checkAccessExport, MAX_EXPORT_BYTES } from './access'
import { concat, equal, toHex } from './bytes'
import { readAnchorCall } from './chain'
import { verifyConsent } from './consent'
import { checkEquivocation, EQUIVOCATION } from './equivocation'
import { checkEvidence } from './evidence'
import { sha256 } from '@noble/hashes/sha2.js'
import { canonicalise, isObject, parseCanonical, parseJson, type JsonObject } from './json'
import { leafHash, verifyCheckpoint, verifyCosignatures, verifyInclusion } from './log'
import { attempt, Refused, require, runCheck, verdict, type Check, type Kind, type Reason, type ReceiptCheckName, type Verdict } from './outcome'
import { checkProvenance, PROVENANCE } from './provenance'
import { parseReceipt, type Receipt } from './receipt'
import { malformed, objectWith } from './strict'
import { checkTermination, TERMINATION } from './termination'
import { parseTime, readable } from './time'
import { knowsChain, owned, type TrustAnchors, type TrustedHub } from './trust'

const MAX_FILE_BYTES = 2 * 1024 * 1024
const RECORD_KEYS = ['content', 'evidence_sha256', 'id', 'recorded_at', 'type']

/**
 * Check a receipt, a signed consent, a termination receipt, an export of access records, a certificate's provenance or
 * an equivocation. `now` in seconds since the epoch.
 */
export function verifyFile(data: Uint8Array, trust: TrustAnchors, now: number): Verdict {
  const kind = kindOf(data)
  if (kind === 'receipt') return verdict(kind, checkReceipt(data, trust))
  if (kind === 'consent') return verdict(kind, [runCheck('consent', () => checkConsent(data, trust, now))])
  if (kind === 'termination') return verdict(kind, [runCheck('termination', () => checkTermination(data, trust))])
  if (kind === 'access export') {
    return verdict(kind, checkAccessExport(data, trust, (receipt) => checkReceipt(receipt, trust)))
  }
  if (kind === 'provenance') return verdict(kind, checkProvenance(data, (receipt) => checkReceipt(receipt, trust)))
  if (kind === 'equivocation') return verdict(kind, checkEquivocation(data, trust))
  return verdict(kind, [{ name: 'form', ok: false, reason: UNKNOWN }])
}

/** What this page does not check it never calls right. */
const UNKNOWN: Reason = {
  zh: '不是回执、已签名的授权、授权终止回执、访问记录导出、凭证来源或日志自相矛盾的证明',
  en: 'neither a receipt, a signed consent, a termination receipt, an export of access records, a provenance nor an equivocation',
}

/** What a file says it is. */
export function kindOf(data: Uint8Array): Kind {
  const value = data.length <= MAX_EXPORT_BYTES ? attempt(() => parseJson(data)) : undefined
  if (!isObject(value)) return 'unknown'
  if (value['type'] === ACCESS_EXPORT) return 'access export'
  if (value['type'] === PROVENANCE) return 'provenance'
  if (data.length > MAX_FILE_BYTES) return 'unknown'
  if ('artefact' in value) return 'consent'
  if (value['type'] === TERMINATION) return 'termination'
  if (value['type'] === EQUIVOCATION) return 'equivocation'
  return 'inclusion_proof' in value ? 'receipt' : 'unknown'
}

/** All checks, so that one failure hides no other; only when the form or the own signature is wrong, that one alone. */
function checkReceipt(data: Uint8Array, trust: TrustAnchors): Check<ReceiptCheckName>[] {
  const parsed: Receipt[] = []
  const form = runCheck('form and signature', () => {
    parsed.push(parseReceipt(data))
    return {
      zh: '字节为规范形式，全部由回执内密钥的签名覆盖',
      en: 'canonical bytes, all of them covered by the signature of the key in the receipt',
    }
  })
  const [receipt] = parsed
  if (receipt === undefined) return [form]
  return [
    form,
    runCheck('issuing hub', () => checkIssuer(receipt, trust)),
    runCheck('record', () => checkRecord(receipt.record)),
    runCheck('inclusion in the log', () => checkInclusion(receipt)),
    runCheck('checkpoint', () => checkCheckpoint(receipt, trust)),
    runCheck('witnesses', () => checkWitnesses(receipt, trust)),
    runCheck('anchor on the chain', () => checkAnchor(receipt, trust)),
    runCheck('evidence', () => checkEvidence(receipt.record, receipt.evidence, trust)),
  ]
}

function hubOf(receipt: Receipt, trust: TrustAnchors): TrustedHub {
  const hub = trust.hubs.find(({ signingKeys }) => signingKeys.has(receipt.hubKeyId))
  if (hub === undefined) {
    throw new Refused('回执的签名密钥不在信任锚中', 'the receipt was signed by a key that is not pinned')
  }
  return hub
}

function checkIssuer(receipt: Receipt, trust: TrustAnchors): Reason {
  const { origin } = hubOf(receipt, trust)
  return { zh: `由 ${origin} 签发`, en: `signed by ${origin}` }
}

function checkRecord(raw: JsonObject): Reason {
  const record = objectWith(raw, RECORD_KEYS, 'record')
  if (!isObject(record['content'])) throw malformed('content')
  const what = `${shown(record, 'type')} ${shown(record, 'id')}`
  const when = readable(parseTime(record['recorded_at']))
  return { zh: `${what}，入账于 ${when}`, en: `${what}, recorded ${when}` }
}

function shown(record: JsonObject, key: string): string {
  const value = record[key]
  return typeof value === 'string' ? value : new TextDecoder().decode(canonicalise(value ?? null))
}

function checkInclusion(receipt: Receipt): Reason {
  const { record, salt, leafIndex, treeSize, inclusionProof, anchor } = receipt
  const leaf = leafHash(sha256(concat(salt, canonicalise(record))))
  verifyInclusion(leaf, leafIndex, treeSize, inclusionProof, anchor.root)
  return { zh: `日志 ${treeSize} 条中的第 ${leafIndex} 条（从 0 起）`, en: `leaf ${leafIndex} of ${treeSize}` }
}

function checkCheckpoint(receipt: Receipt, trust: TrustAnchors): Reason {
  const checkpoint = verifyCheckpoint(receipt.checkpoint, hubOf(receipt, trust).epochs)
  const { treeSize, anchor } = receipt
  const sized = checkpoint.size === BigInt(treeSize)
  require(sized, '检查点与证明的日志大小不同', 'the checkpoint is of another size than the proof')
  require(equal(checkpoint.root, anchor.root), '检查点与锚定的根不同', 'the checkpoint has another root than the anchor')
  const { origin, size } = checkpoint
  return { zh: `日志 ${origin} 在 ${size} 条时签名`, en: `signed by ${origin} for size ${size}` }
}

function checkWitnesses(receipt: Receipt, trust: TrustAnchors): Reason {
  const { witnesses } = hubOf(receipt, trust)
  const names = verifyCosignatures(receipt.checkpoint, witnesses)
  if (witnesses.vkeys.length === 0) return { zh: '信任锚没有为此日志指定见证方', en: 'no witness of this log is pinned' }
  const { atLeast } = witnesses
  return {
    zh: `${names.length} 个见证方共同签名，至少需要 ${atLeast} 个：${names.join('、')}`,
    en: `${names.length} cosigned, ${atLeast} needed: ${names.join(', ')}`,
  }
}

function checkAnchor(receipt: Receipt, trust: TrustAnchors): Reason {
  const { anchor, treeSize } = receipt
  const hub = hubOf(receipt, trust)
  const call = readAnchorCall(anchor.rawTransaction)
  require(call.hash === anchor.txHash, '原始交易的散列不符', 'the raw transaction has another hash')
  require(call.chainId === BigInt(anchor.chainId), '交易属于另一条链', 'the transaction is for another chain')
  require(call.contract === anchor.contract, '交易调用的是另一个合约', 'the transaction is for another contract')
  const pinned = knowsChain(trust, anchor.chainId, anchor.contract)
  require(pinned, '链或合约不在信任锚中', 'the chain or contract is not pinned')
  require(owned(hub, call.sender, anchor.blockNumber), '交易由另一个账户签名', 'the transaction was signed by another account')
  require(equal(call.root, anchor.root), '交易写入的是另一个根', 'the transaction states another root')
  const sizes = call.size === BigInt(anchor.size) && anchor.size === treeSize
  require(sizes, '交易写入的是另一个大小', 'the transaction states another size')
  const { txHash, chainId, blockNumber } = anchor
  return {
    zh: `链 ${chainId} 上的交易 ${txHash}；平台称其在第 ${blockNumber} 块`,
    en: `${txHash} on chain ${chainId}; stated to be in block ${blockNumber}`,
  }
}

/** A signed consent by itself: its signatures as of a moment when it was valid, and where it stands now. */
function checkConsent(data: Uint8Array, trust: TrustAnchors, now: number): Reason {
  const value = parseCanonical(data)
  const stated = isObject(value) ? value['artefact'] : undefined
  if (!isObject(stated)) throw malformed('artefact')
  const [from, until] = [parseTime(stated['valid_from']), parseTime(stated['valid_until'])]
  const artefact = verifyConsent(data, trust, now < until ? Math.max(from, now) : from)
  const standing = now >= until ? ['已过期', 'expired'] : now < from ? ['尚未生效', 'not yet valid'] : ['有效', 'valid']
  return {
    zh: `授权 ${artefact.id}：设备、身份认证机构、平台均已签名；今天${standing[0]}`,
    en: `consent ${artefact.id}: device, authority and hub signed it; today it is ${standing[1]}`,
  }
}

/** SHA-256 of a trust file, to compare with a published one. */
export function fingerprint(data: Uint8Array): string {
  return toHex(sha256(data))
}
