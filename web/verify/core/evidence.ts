/** Evidence inside a receipt: a buyer's confirmation, a person's consent or contract, an edge's signature. */

import { sha256 } from '@noble/hashes/sha2.js'
import { decodeBase64Url, encodeBase64Url } from './bytes'
import { readConfirmation, verifyConfirmation } from './confirmation'
import { verifyConsent } from './consent'
import { verifyJws } from './jose'
import { canonicalise, isObject, parseCanonical, same, type Json, type JsonObject } from './json'
import { Refused, require, type Reason } from './outcome'
import { readAssertion, verifyAssertion, verifyBinding } from './person'
import { encodedAt, malformed } from './strict'
import { parseTime } from './time'
import { knowsChain, type TrustAnchors } from './trust'

type EvidenceCheck = (record: JsonObject, evidence: JsonObject, trust: TrustAnchors) => Reason

const MAX_CLOCK_SKEW_S = 300

/** Check that the evidence is the recorded one and proves what the record says. */
export function checkEvidence(record: JsonObject, evidence: JsonObject, trust: TrustAnchors): Reason {
  const recorded = record['evidence_sha256'] === encodeBase64Url(sha256(canonicalise(evidence)))
  require(recorded, '证据不是入账时的那一份', 'the evidence is not the one that was recorded')
  const kind = Object.keys(evidence).sort().join(' ')
  const check = CHECKS.get(kind)
  if (check === undefined) throw new Refused('证据种类未知', 'unknown kind of evidence')
  return check(record, evidence, trust)
}

const CHECKS: ReadonlyMap<string, EvidenceCheck> = new Map([
  ['', nothing],
  ['certificate confirmation signature', confirmation],
  ['signed_consent', consent],
  ['assertion binding contract', contract],
  ['edge_signature', edgeSignature],
  ['action_signature', actionSignature],
])

function nothing(record: JsonObject): Reason {
  // A confirmation without the buyer's signature would be only the hub's word for it.
  const needed = record['type'] === 'receivable.confirmed'
  require(!needed, '确权记录缺少买方签名', "a confirmation without the buyer's signature")
  return { zh: '无附件；记录是平台自己的陈述', en: "none attached; the record is the hub's own statement" }
}

function confirmation(record: JsonObject, evidence: JsonObject, trust: TrustAnchors): Reason {
  const message = readConfirmation(evidence['confirmation'])
  const pem = evidence['certificate']
  if (typeof pem !== 'string') throw malformed('certificate')
  const buyer = verifyConfirmation(message, encodedAt(evidence, 'signature'), pem, trust.enterpriseCa)
  const pinned = knowsChain(trust, message.chainId, message.contract)
  require(pinned, '确权属于另一条链或另一个合约', 'the confirmation is for another chain or contract')
  requireStated(message.json, record['content'])
  const inTime = message.confirmedAt <= parseTime(record['recorded_at']) + MAX_CLOCK_SKEW_S
  require(inTime, '确权时间晚于入账时间', 'confirmed after it was recorded')
  return {
    zh: `${buyer.name}（${buyer.uscc}）用 CA 认证的企业密钥确权（EIP-712）`,
    en: `EIP-712 confirmation by ${buyer.name} (${buyer.uscc}), whose key the enterprise CA certifies`,
  }
}

function consent(record: JsonObject, evidence: JsonObject, trust: TrustAnchors): Reason {
  const artefact = verifyConsent(encodedAt(evidence, 'signed_consent'), trust, parseTime(record['recorded_at']))
  requireStated({ consent_id: artefact.id, artefact_sha256: encodeBase64Url(artefact.sha256) }, record['content'])
  return {
    zh: `授权 ${artefact.id} 由本人设备签名，设备经身份认证机构绑定`,
    en: `consent ${artefact.id}, signed by a device that the identity authority vouches for`,
  }
}

function contract(record: JsonObject, evidence: JsonObject, trust: TrustAnchors): Reason {
  const signed = encodedAt(evidence, 'contract')
  const terms = parseCanonical(signed)
  if (!isObject(terms)) throw malformed('contract')
  const device = verifyBinding(evidence['binding'], trust, parseTime(record['recorded_at']))
  require(device.subject === terms['borrower'], '签约设备属于另一人', "the contract was signed by somebody else's device")
  verifyAssertion(readAssertion(evidence['assertion']), device.deviceKey, sha256(signed), trust)
  requireStated(
    { ...members(terms, ['borrower', 'principal_fen', 'currency', 'terms']), loan_id: member(terms, 'application_id') },
    record['content'],
  )
  return {
    zh: '借款合同由借款人本人设备签名，设备经身份认证机构绑定',
    en: "loan contract signed by the borrower's device, for which the identity authority vouches",
  }
}

function edgeSignature(record: JsonObject, evidence: JsonObject, trust: TrustAnchors): Reason {
  const content = record['content']
  if (!isObject(content) || typeof content['dataset'] !== 'string') throw malformed('content')
  // A dataset's id begins with the id of the agency that owns it; an edge can sign for its own only.
  const agency = content['dataset'].split('.')[0]!
  const keys = trust.agencies.get(agency)
  const token = evidence['edge_signature']
  const claims = keys === undefined ? unverifiedClaims(token) : verifyJws(token, keys, 'huilian-answer+jwt')
  const stated = members(claims, ['request_id', 'consent_sha256', 'dataset', 'fields'])
  requireStated(stated, { ...content, fields: sorted(member(content, 'fields')) })
  if (keys !== undefined) {
    return { zh: `${agency} 的边缘用固定密钥签署了这次请求的应答`, en: `the pinned key of ${agency}'s edge signed the answer to this request` }
  }
  return {
    zh: `数据源边缘的签名写明了这次请求；${agency} 的密钥不在信任锚中，只出示、不验证`,
    en: `the edge's signature names this request; no key of ${agency} is pinned to check it`,
  }
}

function actionSignature(record: JsonObject, evidence: JsonObject, trust: TrustAnchors): Reason {
  const content = record['content']
  if (!isObject(content) || typeof content['action'] !== 'string') throw malformed('content')
  // An action's id begins with the id of the agency that does it.
  const agency = content['action'].split('.')[0]!
  const keys = trust.agencies.get(agency)
  const token = evidence['action_signature']
  const claims = keys === undefined ? unverifiedClaims(token) : verifyJws(token, keys, 'huilian-action+jwt')
  requireStated(members(claims, ['request_id', 'consent_sha256', 'action']), content)
  if (keys !== undefined) {
    return { zh: `${agency} 的边缘用固定密钥签署了这次办理的结果`, en: `the pinned key of ${agency}'s edge signed the result of this order` }
  }
  return {
    zh: `数据源边缘的签名写明了这次办理；${agency} 的密钥不在信任锚中，只出示、不验证`,
    en: `the edge's signature names this order; no key of ${agency} is pinned to check it`,
  }
}

function unverifiedClaims(token: Json | undefined): JsonObject {
  const parts = typeof token === 'string' ? token.split('.') : []
  if (parts.length !== 3) throw new Refused('边缘签名格式不正确', "the edge's signature is malformed")
  const claims = parseCanonical(decodeBase64Url(parts[1]!))
  if (!isObject(claims)) throw malformed('edge_signature')
  return claims
}

function sorted(fields: Json): string[] {
  if (!Array.isArray(fields) || !fields.every((field) => typeof field === 'string')) throw malformed('fields')
  return [...fields].sort(byCodePoint)
}

/** The order of Unicode code points, in which the edge sorts; a plain sort() would order UTF-16 units. */
function byCodePoint(left: string, right: string): number {
  const [one, two] = [Array.from(left), Array.from(right)]
  const at = one.findIndex((character, index) => character !== two[index])
  return at < 0 ? one.length - two.length : (one[at]!.codePointAt(0) ?? 0) - (two[at]?.codePointAt(0) ?? -1)
}

function members(value: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(keys.map((key) => [key, member(value, key)]))
}

function member(value: JsonObject, key: string): Json {
  const item = value[key]
  if (item === undefined) throw malformed(key)
  return item
}

function requireStated(stated: JsonObject, content: Json | undefined): void {
  if (!isObject(content)) throw malformed('content')
  for (const [key, value] of Object.entries(stated)) {
    require(same(content[key], value), `记录中的 ${key} 与证据不一致`, `the record states another ${key} than the evidence`)
  }
}
