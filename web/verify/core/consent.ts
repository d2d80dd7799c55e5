/** Consents: the artefact (v1, or v2 with actions) and everything that a signed consent proves by itself. */

import { sha256 } from '@noble/hashes/sha2.js'
import { encodeBase64Url, utf8 } from './bytes'
import { verifyJws } from './jose'
import { canonicalise, isObject, parseCanonical, same, type Json, type JsonObject } from './json'
import { Refused, require } from './outcome'
import { readAssertion, verifyAssertion, verifyBinding } from './person'
import { bytesAt, integerAt, listAt, malformed, matchingAt, objectWith, textAt } from './strict'
import { parseTime } from './time'
import { hubKeys, type TrustAnchors } from './trust'

export interface Artefact {
  readonly id: string
  readonly subject: string
  readonly sha256: Uint8Array
  readonly validFrom: number
  readonly validUntil: number
}

const MAX_CONSENT_BYTES = 128 * 1024
const MAX_TOKEN_CHARS = 16_384
const NAME = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/
const MONTH = /^[0-9]{4}-(0[1-9]|1[0-2])$/
const V1 = 'huilian-consent/v1'
const V2 = 'huilian-consent/v2'
const KEYS = [
  'data_life_days', 'datasets', 'evidence_level', 'frequency', 'id', 'legal_basis', 'purpose',
  'recipient', 'subject', 'type', 'valid_from', 'valid_until', 'version',
]

/** The artefact that the person's device and a pinned hub signed and that is valid at this instant. */
export function verifyConsent(data: Uint8Array, trust: TrustAnchors, at: number): Artefact {
  require(data.length <= MAX_CONSENT_BYTES, '授权文件过大', 'the consent is too large')
  const keys = ['artefact', 'assertion', 'binding', 'countersignature']
  const value = objectWith(parseCanonical(data), keys, 'consent')
  const artefact = readArtefact(value['artefact'])
  const assertion = readAssertion(value['assertion'])
  const bindingToken = textAt(value, 'binding', MAX_TOKEN_CHARS)
  const binding = verifyBinding(bindingToken, trust, at)
  require(binding.subject === artefact.subject, '设备绑定属于另一人', 'the binding belongs to another person')
  verifyAssertion(assertion, binding.deviceKey, artefact.sha256, trust)
  const claims = verifyJws(textAt(value, 'countersignature', MAX_TOKEN_CHARS), hubKeys(trust), 'huilian-consent+jwt')
  const hashes = {
    artefact_sha256: encodeBase64Url(artefact.sha256),
    assertion_sha256: encodeBase64Url(sha256(canonicalise(assertion.json))),
    binding_sha256: encodeBase64Url(sha256(utf8(bindingToken))),
  }
  require(same(claims, hashes), '平台副署的是别的内容', "the hub's countersignature is over something else")
  require(artefact.validFrom <= at, '授权尚未生效', 'the consent is not yet valid')
  require(at < artefact.validUntil, '授权已过期', 'the consent has expired')
  return artefact
}

function readArtefact(raw: Json | undefined): Artefact {
  if (!isObject(raw)) throw malformed('artefact')
  const acts = raw['type'] === V2
  const value = objectWith(raw, acts ? [...KEYS, 'actions'] : KEYS, 'artefact')
  require(acts || value['type'] === V1, '授权书版本未知', 'an artefact of another type')
  integerAt(value, 'version', 1, 1)
  checkTerms(value)
  // Whoever may act need not read: without any dataset there must be an action.
  checkAll(listAt(value, 'datasets', 32, acts ? 0 : 1), checkDataset)
  if (acts) checkAll(listAt(value, 'actions', 8, 1), checkAction)
  const [validFrom, validUntil] = [parseTime(value['valid_from']), parseTime(value['valid_until'])]
  require(validFrom < validUntil, '授权的失效时间不晚于生效时间', 'valid_until is not after valid_from')
  return {
    validFrom, validUntil,
    id: matchingAt(value, 'id', NAME),
    subject: matchingAt(value, 'subject', NAME),
    sha256: sha256(canonicalise(value)),
  }
}

function checkTerms(value: JsonObject): void {
  const recipient = objectWith(value['recipient'], ['id', 'sealing_key_id', 'suite'], 'recipient')
  matchingAt(recipient, 'id', NAME)
  textAt(recipient, 'sealing_key_id')
  matchingAt(recipient, 'suite', /^(xwing|x25519|sm)$/)
  const purpose = objectWith(value['purpose'], ['code', 'text'], 'purpose')
  matchingAt(purpose, 'code', NAME)
  textAt(purpose, 'text', 500)
  integerAt(objectWith(value['frequency'], ['max_reads'], 'frequency'), 'max_reads', 1, 10_000)
  integerAt(value, 'data_life_days', 1, 3_650)
  textAt(value, 'legal_basis', 500)
  const level = textAt(value, 'evidence_level')
  require(level === 'DEVICE_SIGNED', '证据等级不是本人设备签名', 'the evidence level is not DEVICE_SIGNED')
}

/** Read every item and see that none is named twice. */
function checkAll(items: readonly Json[], read: (item: Json) => string): void {
  const ids = items.map(read)
  if (new Set(ids).size !== ids.length) throw new Refused('授权项目重复', 'something is granted twice')
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
