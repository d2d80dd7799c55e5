/** Termination receipts: how and when a consent ended, what was read under it, by when the data must be gone. */

import { sha256 } from '@noble/hashes/sha2.js'
import { decodeBase64Url, encodeBase64Url, equal } from './bytes'
import { MAX_CONSENT_BYTES, verifyConsent } from './consent'
import { verifyJws } from './jose'
import { canonicalise, isObject, parseCanonical, same, type Json, type JsonObject } from './json'
import { require, type Reason } from './outcome'
import { bytesAt, integerAt, malformed, matchingAt, NAME, objectWith, textAt } from './strict'
import { parseTime, readable } from './time'
import { hubKeys, type TrustAnchors } from './trust'

export const TERMINATION = 'huilian-termination/v1'
const MAX_BYTES = 2 * MAX_CONSENT_BYTES
const MAX_READS_STATED = 1_000_000
const ENDINGS = ['REVOKED', 'EXPIRED', 'EXHAUSTED', 'SUPERSEDED', 'REJECTED']
const KEYS = ['artefact_sha256', 'consent_id', 'deletion_due', 'ended_at', 'ending', 'reads', 'version']

interface Statement {
  readonly consentId: string
  readonly version: number
  readonly artefactSha256: Uint8Array
  readonly ending: string
  readonly endedAt: number
  readonly reads: ReadonlyMap<string, number>
  readonly deletionDue: number
}

/** The hub's signature, and that the consent inside is the one that the statement speaks of. */
export function checkTermination(data: Uint8Array, trust: TrustAnchors): Reason {
  require(data.length <= MAX_BYTES, '终止回执过大', 'the termination receipt is too large')
  const value = objectWith(parseCanonical(data), ['signature', 'signed_consent', 'statement', 'type'], 'termination')
  require(value['type'] === TERMINATION, '终止回执版本未知', 'a termination receipt of another type')
  const consent = readConsent(value)
  const statement = readStatement(value['statement'])
  const claims = verifyJws(textAt(value, 'signature', 16_384), hubKeys(trust), 'huilian-termination+jwt')
  const { signature: _, ...body } = value
  const expected = { termination_sha256: encodeBase64Url(sha256(canonicalise(body))) }
  require(same(claims, expected), '平台签名所签的是别的内容', 'the hub signed something else')
  if (consent !== undefined) checkInside(statement, consent, trust)
  else {
    const never = statement.ending === 'REJECTED' || statement.ending === 'EXPIRED'
    require(never, '从未授予的只能被拒绝或过期', 'what was never granted can only be rejected or expire')
  }
  return told(statement)
}

function readConsent(value: JsonObject): Uint8Array | undefined {
  if (value['signed_consent'] === null) return undefined
  const consent = decodeBase64Url(textAt(value, 'signed_consent', MAX_BYTES))
  if (!isObject(parseCanonical(consent))) throw malformed('signed_consent')
  return consent
}

function readStatement(raw: Json | undefined): Statement {
  const value = objectWith(raw, KEYS, 'statement')
  const reads = value['reads']
  if (!isObject(reads) || !Object.keys(reads).every((name) => NAME.test(name))) throw malformed('reads')
  const ending = textAt(value, 'ending')
  if (!ENDINGS.includes(ending)) throw malformed('ending')
  const statement = {
    ending,
    consentId: matchingAt(value, 'consent_id', NAME),
    version: integerAt(value, 'version', 1, 999),
    artefactSha256: bytesAt(value, 'artefact_sha256', 32),
    endedAt: parseTime(value['ended_at']),
    reads: new Map(Object.keys(reads).map((name) => [name, integerAt(reads, name, 0, MAX_READS_STATED)])),
    deletionDue: parseTime(value['deletion_due']),
  }
  require(statement.deletionDue >= statement.endedAt, '删除期限早于终止时间', 'deletion is due before the end')
  return statement
}

function checkInside(statement: Statement, consent: Uint8Array, trust: TrustAnchors): void {
  const value = parseCanonical(consent)
  const stated = isObject(value) ? value['artefact'] : undefined
  if (!isObject(stated)) throw malformed('artefact')
  const artefact = verifyConsent(consent, trust, parseTime(stated['valid_from']))
  const it = statement.consentId === artefact.id && statement.version === artefact.version
  require(it && equal(statement.artefactSha256, artefact.sha256), '内含的是另一份授权', 'the consent inside is another one')
  const counted = [...statement.reads.keys()].sort()
  const exact = same(counted, [...artefact.datasets].sort())
  require(exact, '计数的不正是所授权的数据集', 'it does not count exactly the granted datasets')
  const within = [...statement.reads.values()].every((count) => count <= artefact.maxReads)
  require(within, '读取次数超过授权', 'more reads than were granted')
}

function told({ consentId, version, ending, endedAt, reads, deletionDue }: Statement): Reason {
  const total = [...reads.values()].reduce((sum, count) => sum + count, 0)
  return {
    zh: `授权 ${consentId} 第 ${version} 版于 ${readable(endedAt)} 终止（${ending}），共读取 ${total} 次；数据最迟应于 ${readable(deletionDue)} 删除`,
    en: `consent ${consentId}, version ${version}: ${ending} at ${readable(endedAt)} after ${total} reads; nothing may be left after ${readable(deletionDue)}`,
  }
}
