/** Consents: the artefact (v1, v2 with actions, v3 of later versions and delegates, v4 of several keys) and all that a signed one proves. */

import { sha256 } from '@noble/hashes/sha2.js'
import { decodeBase64Url, encodeBase64Url, utf8 } from './bytes'
import { readChain, verifyChain } from './delegation'
import { verifyJws } from './jose'
import { canonicalise, isObject, parseCanonical, same, type Json, type JsonObject } from './json'
import { Refused, require } from './outcome'
import { readAssertion, verifyAssertion, verifyBinding } from './person'
import { bytesAt, integerAt, listAt, malformed, matchingAt, NAME, objectWith, textAt } from './strict'
import { parseTime } from './time'
import { hubKeys, type TrustAnchors } from './trust'

export interface Artefact {
  readonly id: string
  readonly subject: string
  readonly sha256: Uint8Array
  readonly validFrom: number
  readonly validUntil: number
  readonly version: number
  /** Ids of the datasets that may be read. */
  readonly datasets: readonly string[]
  readonly maxReads: number
  readonly actions: readonly string[]
  readonly purpose: string
  /** Who signs for the subject; undefined where the subject signs. */
  readonly signer: string | undefined
}

export const MAX_CONSENT_BYTES = 128 * 1024
const MAX_TOKEN_CHARS = 16_384
const MONTH = /^[0-9]{4}-(0[1-9]|1[0-2])$/
const V1 = 'huilian-consent/v1'
const V2 = 'huilian-consent/v2'
const V3 = 'huilian-consent/v3'
const V4 = 'huilian-consent/v4'
const KEYS = [
  'data_life_days', 'datasets', 'evidence_level', 'frequency', 'id', 'legal_basis', 'purpose',
  'recipient', 'subject', 'type', 'valid_from', 'valid_until', 'version',
]

/** The artefact that the person's device and a pinned hub signed and that is valid at this instant. */
export function verifyConsent(data: Uint8Array, trust: TrustAnchors, at: number): Artefact {
  require(data.length <= MAX_CONSENT_BYTES, '授权文件过大', 'the consent is too large')
  const raw = parseCanonical(data)
  const delegated = isObject(raw) && 'delegation' in raw
  const keys = ['artefact', 'assertion', 'binding', 'countersignature', ...(delegated ? ['delegation'] : [])]
  const value = objectWith(raw, keys, 'consent')
  const chain = delegated ? readChain(value) : []
  const artefact = readArtefact(value['artefact'])
  const assertion = readAssertion(value['assertion'])
  const bindingToken = textAt(value, 'binding', MAX_TOKEN_CHARS)
  const binding = verifyBinding(bindingToken, trust, at)
  const signer = artefact.signer ?? artefact.subject
  require(binding.subject === signer, '设备绑定属于另一人', 'the binding belongs to another person')
  verifyAssertion(assertion, binding.deviceKey, artefact.sha256, trust)
  if (artefact.signer === undefined) require(!delegated, '本人签名却附有委托', 'the subject signs, nobody delegated')
  else verifyChain(chain, { ...artefact, delegate: signer, grants: grantsOf(artefact) }, trust, at)
  const claims = verifyJws(textAt(value, 'countersignature', MAX_TOKEN_CHARS), hubKeys(trust), 'huilian-consent+jwt')
  const hashes = {
    artefact_sha256: encodeBase64Url(artefact.sha256),
    assertion_sha256: encodeBase64Url(sha256(canonicalise(assertion.json))),
    binding_sha256: encodeBase64Url(sha256(utf8(bindingToken))),
    ...(delegated ? { delegation_sha256: encodeBase64Url(sha256(canonicalise(value['delegation']!))) } : {}),
  }
  require(same(claims, hashes), '平台副署的是别的内容', "the hub's countersignature is over something else")
  require(artefact.validFrom <= at, '授权尚未生效', 'the consent is not yet valid')
  require(at < artefact.validUntil, '授权已过期', 'the consent has expired')
  return artefact
}

function grantsOf({ datasets, actions }: Artefact): string[] {
  return [...datasets, ...actions]
}

function readArtefact(raw: Json | undefined): Artefact {
  if (!isObject(raw)) throw malformed('artefact')
  const [acts, several] = [raw['type'] === V2, raw['type'] === V4]
  const later = several || raw['type'] === V3
  const more = later ? ['actions', 'replaces', 'signer'] : acts ? ['actions'] : []
  const value = objectWith(raw, [...KEYS, ...more], 'artefact')
  require(acts || later || value['type'] === V1, '授权书版本未知', 'an artefact of another type')
  const actions = acts || later ? allOnce(listAt(value, 'actions', 8, acts ? 1 : 0), checkAction) : []
  const [validFrom, validUntil] = [parseTime(value['valid_from']), parseTime(value['valid_until'])]
  require(validFrom < validUntil, '授权的失效时间不晚于生效时间', 'valid_until is not after valid_from')
  return {
    validFrom, validUntil, actions,
    ...checkTerms(value, several),
    ...readSuccession(value, later, several),
    // Whoever may act need not read: without any dataset there must be an action.
    datasets: allOnce(listAt(value, 'datasets', 32, actions.length > 0 ? 0 : 1), checkDataset),
    id: matchingAt(value, 'id', NAME),
    subject: matchingAt(value, 'subject', NAME),
    sha256: sha256(canonicalise(value)),
  }
}

/** Which version it is, and who signs: v3 is a later version or signed by a delegate; v4 may be either, or neither. */
function readSuccession(
  value: JsonObject, later: boolean, several: boolean,
): { version: number; signer: string | undefined } {
  const version = integerAt(value, 'version', 1, later ? 999 : 1)
  if (!later) return { version, signer: undefined }
  if (value['replaces'] !== null) bytesAt(value, 'replaces', 32)
  const signer = value['signer'] === null ? undefined : matchingAt(value, 'signer', NAME)
  require(several || version > 1 || signer !== undefined, '首版且本人签名的授权是较早的类型', 'a first version is of an older type')
  const replaces = value['replaces'] !== null
  require(version > 1 === replaces, '只有后续版本写明所替代的版本', 'exactly a later version names what it replaces')
  require(signer !== value['subject'], '不能委托给自己', 'nobody is their own delegate')
  return { version, signer }
}

function checkTerms(value: JsonObject, several: boolean): { purpose: string; maxReads: number } {
  const keys = ['id', 'sealing_key_id', 'suite', ...(several ? ['key_statement'] : [])]
  const recipient = objectWith(value['recipient'], keys, 'recipient')
  matchingAt(recipient, 'id', NAME)
  textAt(recipient, 'sealing_key_id')
  matchingAt(recipient, 'suite', /^(xwing|x25519|sm)$/)
  if (several) checkStatement(recipient)
  const purpose = objectWith(value['purpose'], ['code', 'text'], 'purpose')
  const code = matchingAt(purpose, 'code', NAME)
  textAt(purpose, 'text', 500)
  const maxReads = integerAt(objectWith(value['frequency'], ['max_reads'], 'frequency'), 'max_reads', 1, 10_000)
  integerAt(value, 'data_life_days', 1, 3_650)
  textAt(value, 'legal_basis', 500)
  const level = textAt(value, 'evidence_level')
  require(level === 'DEVICE_SIGNED', '证据等级不是本人设备签名', 'the evidence level is not DEVICE_SIGNED')
  return { purpose: code, maxReads }
}

/** The statement of the recipient's keys names this recipient, and its favourite key first. Its signature is the edge's
 * to check, which pins the recipient's root. */
function checkStatement(recipient: JsonObject): void {
  const parts = textAt(recipient, 'key_statement', 4096).split('.')
  if (parts.length !== 3) throw malformed('key_statement')
  const claims = objectWith(parseCanonical(decodeBase64Url(parts[1]!)), ['exp', 'iat', 'keys', 'sub'], 'key_statement')
  const [issued, expires] = [integerAt(claims, 'iat', 0, 2 ** 35), integerAt(claims, 'exp', 0, 2 ** 35)]
  if (!(issued < expires && expires <= issued + 31 * 86_400)) throw malformed('key_statement')
  const keys = listAt(claims, 'keys', 3, 1).map((item) => {
    const key = objectWith(item, ['id', 'suite'], 'key')
    return [textAt(key, 'id', 64), matchingAt(key, 'suite', /^(xwing|x25519|sm)$/)] as const
  })
  if (new Set(keys.map(([, suite]) => suite)).size !== keys.length) throw malformed('key_statement')
  const [id, suite] = keys[0]!
  const named = id === recipient['sealing_key_id'] && suite === recipient['suite']
  require(named && textAt(claims, 'sub', 128) === recipient['id'], '密钥声明属于别的接收方', "another recipient's statement of keys")
}

/** Read every item and see that none is named twice. */
function allOnce(items: readonly Json[], read: (item: Json) => string): string[] {
  const ids = items.map(read)
  if (new Set(ids).size !== ids.length) throw new Refused('授权项目重复', 'something is granted twice')
  return ids
}

function checkDataset(raw: Json): string {
  const value = objectWith(raw, ['fields', 'id', 'period'], 'dataset')
  const fields = listAt(value, 'fields', 64, 1)
  const good = fields.every((field, at) => {
    const before = fields[at - 1]
    return typeof field === 'string' && NAME.test(field) && (typeof before !== 'string' || before < field)
  })
  if (!good) throw malformed('fields')
  const period = objectWith(value['period'], ['from', 'to'], 'period')
  if (matchingAt(period, 'from', MONTH) > matchingAt(period, 'to', MONTH)) throw malformed('period')
  return matchingAt(value, 'id', NAME)
}

function checkAction(raw: Json): string {
  const value = objectWith(raw, ['id', 'max_amount_fen', 'max_uses', 'parameters_commitment'], 'action')
  if (value['parameters_commitment'] !== null) bytesAt(value, 'parameters_commitment', 32)
  integerAt(value, 'max_uses', 1, 120)
  integerAt(value, 'max_amount_fen', 0, 100_000_000_000)
  return matchingAt(value, 'id', NAME)
}
