/** A person's access records for a period: nothing missing, nothing changed, all of it in the log. */

import { sha256 } from '@noble/hashes/sha2.js'
import { concat, decodeBase64Url, equal, utf8 } from './bytes'
import { compareCounts, type Shown } from './edges'
import { checkEvidence } from './evidence'
import { canonicalise, isObject, parseCanonical, type Json, type JsonObject } from './json'
import { leafHash, verifyInclusion } from './log'
import { refusalOf, Refused, require, runCheck, type Check, type Reason, type ReceiptCheckName } from './outcome'
import { parseReceipt, type Receipt } from './receipt'
import { bytesAt, integerAt, listAt, malformed, MAX_SAFE, objectWith, textAt } from './strict'
import { parseTime, readable } from './time'
import type { TrustAnchors } from './trust'

export const ACCESS_EXPORT = 'huilian-access-export/v1'
export const MAX_EXPORT_BYTES = 8 * 1024 * 1024
const MAX_RECORDS = 500
const MAX_COUNT_CHARS = 262_144
const KEYS = ['edge_counts', 'neighbours', 'records', 'statement', 'subject', 'type']
const RECORD_KEYS = ['evidence', 'inclusion_proof', 'leaf_index', 'record', 'salt']
const STATEMENT_KEYS = ['chain', 'count', 'first_sequence', 'head', 'last_sequence', 'period', 'subject', 'type']

interface Exported {
  readonly sequence: number
  /** Commitment of the record before it; undefined for the first of all. */
  readonly previous: Uint8Array | undefined
  readonly record: JsonObject
  readonly content: JsonObject
  readonly evidence: JsonObject
  readonly commitment: Uint8Array
  readonly leafIndex: number
  readonly proof: readonly Uint8Array[]
}

interface Statement {
  readonly commitment: Uint8Array
  readonly salt: Uint8Array
  readonly from: number
  readonly to: number
  readonly first: number
  readonly last: number
  /** Commitment of the last record; undefined when the chain was still empty. */
  readonly head: Uint8Array | undefined
}

interface Export {
  readonly subject: string
  readonly receipt: Receipt
  readonly receiptBytes: Uint8Array
  readonly statement: Statement
  readonly place: { readonly sequence: number; readonly previous: Uint8Array | undefined }
  readonly inside: readonly Exported[]
  readonly around: readonly Exported[]
  readonly counts: readonly string[]
}

/** All checks of such a file; when its form is wrong, that one only. `receiptChecks` are those of a receipt. */
export function checkAccessExport(
  data: Uint8Array, trust: TrustAnchors, receiptChecks: (receipt: Uint8Array) => readonly Check<ReceiptCheckName>[],
): Check[] {
  const parsed: Export[] = []
  const form = runCheck('form', () => {
    parsed.push(readExport(data))
    return {
      zh: '字节为规范形式，声明与记录的格式正确',
      en: 'canonical bytes with a statement and records in the forms that they must have',
    }
  })
  const [found] = parsed
  if (found === undefined) return [form]
  return [
    form,
    ...receiptChecks(found.receiptBytes).map((check) => ({ ...check, name: `statement: ${check.name}` as const })),
    runCheck('statement of the period', () => checkStated(found)),
    runCheck('no record missing', () => checkContiguous(found)),
    runCheck('every record commits to the one before', () => checkLinked(found)),
    runCheck('the period was not cut short', () => checkBounded(found)),
    runCheck('every record in the log before the statement', () => checkLogged(found)),
    runCheck('evidence of the records', () => checkAllEvidence(found, trust)),
    runCheck('counts by the edges', () => checkEdges(found, trust)),
  ]
}

function checkStated({ statement, receipt, subject }: Export): Reason {
  const { record } = receipt
  require(record['type'] === 'access-statement', '回执不是期间声明', 'the receipt is not of a period statement')
  const about = equal(sha256(concat(statement.salt, utf8(subject))), statement.commitment)
  require(about, '声明说的是另一个人', 'the statement is about another person')
  const over = parseTime(record['recorded_at']) >= statement.to
  require(over, '期间结束之前就作了声明', 'made before the period was over')
  const count = statement.last - statement.first + 1
  const period = [readable(statement.from), readable(statement.to)]
  return { zh: `${subject} 从 ${period[0]} 到 ${period[1]} 有 ${count} 条记录`, en: `${count} records of ${subject}, ${period[0]} to ${period[1]}` }
}

function checkContiguous({ statement, inside }: Export): Reason {
  const { first, last } = statement
  const count = last - first + 1
  const shown = inside.map(({ sequence }) => sequence)
  const each = shown.every((sequence) => first <= sequence && sequence <= last) && new Set(shown).size === shown.length
  require(each && shown.length === count, '记录有缺失、重复或不属于本期间', 'records are missing, shown twice or not of this period')
  return { zh: count > 0 ? `记录 ${first}–${last} 齐全` : '本期间没有记录', en: count > 0 ? `records ${first}–${last}` : 'the period has no records' }
}

function checkLinked({ statement, place, inside, around }: Export): Reason {
  const shown = [...inside, ...around]
  const commitments = new Map(shown.map(({ sequence, commitment }) => [sequence, commitment]))
  for (const { sequence, previous } of shown) {
    const before = commitments.get(sequence - 1)
    const linked = before === undefined || (previous !== undefined && equal(before, previous))
    require(linked, `第 ${sequence} 条没有接住前一条`, `record ${sequence} does not commit to the record before it`)
  }
  const { last, head } = statement
  const end = commitments.get(last)
  const named = end === undefined || (head !== undefined && equal(end, head))
  require(named, `第 ${last} 条不是声明所指的那一条`, `record ${last} is not the one that the statement names`)
  require(place.sequence > last, '声明排在本期间结束之前', 'the statement stands before the end of its own period')
  const follows = place.sequence !== last + 1 || sameHash(place.previous, head)
  require(follows, '声明没有接住它所指的最后一条', 'the statement does not follow the record that it names as the last')
  return { zh: `${shown.length} 条首尾相接`, en: `${shown.length} records, and the statement holds the commitment of the last` }
}

function checkBounded({ statement, place, inside, around }: Export): Reason {
  const { from, to, first, last } = statement
  const isIn = ({ record }: Exported): boolean => {
    const at = parseTime(record['recorded_at'])
    return from <= at && at < to
  }
  require(inside.every(isIn), '有记录不在本期间内', 'a record is of another time')
  const shown = around.map(({ sequence }) => sequence).sort((one, other) => one - other)
  require(new Set(shown).size === shown.length, '相邻记录重复', 'a neighbour is shown twice')
  const wanted = [first - 1, last + 1].filter((sequence) => sequence > 0 && sequence !== place.sequence)
  const right = shown.length === new Set(wanted).size && wanted.every((sequence) => shown.includes(sequence))
  require(right, '缺少期间前后的相邻记录', 'the records around the period are not those that they should be')
  require(!around.some(isIn), '有属于本期间的记录被排除在外', 'a record of the period was left out of it')
  return { zh: '前后相邻的记录都在期间之外', en: 'the records next to it are of other times' }
}

function checkLogged({ receipt, inside, around }: Export): Reason {
  for (const { sequence, commitment, leafIndex, proof } of [...inside, ...around]) {
    const why = refusalOf(() => {
      require(leafIndex < receipt.treeSize && leafIndex < receipt.leafIndex, '不在声明之前', 'not before the statement')
      verifyInclusion(leafHash(commitment), leafIndex, receipt.treeSize, proof, receipt.anchor.root)
    })
    require(why === undefined, `第 ${sequence} 条不在日志中声明之前`, `record ${sequence} is not in the log before the statement`)
  }
  return { zh: `全部在日志前 ${receipt.leafIndex} 条之中`, en: `all of them among the first ${receipt.leafIndex} leaves` }
}

function checkAllEvidence({ inside }: Export, trust: TrustAnchors): Reason {
  for (const { sequence, record, evidence } of inside) {
    const why = refusalOf(() => checkEvidence(record, evidence, trust))
    if (why !== undefined) throw new Refused(`第 ${sequence} 条：${why.zh}`, `${sequence} (${why.en})`)
  }
  const signed = inside.filter(({ evidence }) => Object.keys(evidence).length > 0).length
  return { zh: `${inside.length} 条中 ${signed} 条带有数据源边缘的签名`, en: `${signed} of ${inside.length} records carry an edge's signature` }
}

function checkEdges({ statement, counts, inside, around }: Export, trust: TrustAnchors): Reason {
  const shown: Shown[] = [...inside, ...around].map(({ record, content }) => ({ at: parseTime(record['recorded_at']), content }))
  return compareCounts(counts, shown, statement.from, statement.to, trust)
}

function readExport(data: Uint8Array): Export {
  require(data.length <= MAX_EXPORT_BYTES, '文件过大', 'too large')
  const value = objectWith(parseCanonical(data), KEYS, 'export')
  require(value['type'] === ACCESS_EXPORT, '导出文件版本未知', 'an export of another type')
  const counts = listAt(value, 'edge_counts', MAX_RECORDS).map((count) => textAt({ count }, 'count', MAX_COUNT_CHARS, 0))
  const receiptBytes = canonicalise(value['statement'] ?? null)
  const read = {
    receiptBytes, counts,
    subject: textAt(value, 'subject', 64),
    inside: listAt(value, 'records', MAX_RECORDS).map(readRecord),
    around: listAt(value, 'neighbours', 2).map(readRecord),
  }
  const receipt = parseReceipt(receiptBytes)
  const content = receipt.record['content']
  if (!isObject(content)) throw malformed('content')
  return { ...read, receipt, statement: readStatement(content), place: readLink(content['chain']) }
}

function readRecord(raw: Json): Exported {
  const value = objectWith(raw, RECORD_KEYS, 'record')
  const { record, evidence } = value
  if (!isObject(record) || !isObject(evidence) || !isObject(record['content'])) throw malformed('record')
  const salt = bytesAt(value, 'salt', 32)
  const proof = listAt(value, 'inclusion_proof', 64).map((item) => {
    const hash = typeof item === 'string' ? decodeBase64Url(item) : new Uint8Array()
    if (hash.length !== 32) throw malformed('inclusion_proof')
    return hash
  })
  return {
    record, evidence, proof,
    ...readLink(record['content']['chain']),
    content: record['content'],
    commitment: sha256(concat(salt, canonicalise(record))),
    leafIndex: integerAt(value, 'leaf_index', 0, MAX_SAFE),
  }
}

function readLink(raw: Json | undefined): { sequence: number; previous: Uint8Array | undefined } {
  const link = objectWith(raw, ['previous', 'sequence'], 'chain')
  const sequence = integerAt(link, 'sequence', 1, MAX_SAFE)
  if (sequence > 1) return { sequence, previous: bytesAt(link, 'previous', 32) }
  require(link['previous'] === '', '首条之前没有记录', 'the first record of a chain has none before it')
  return { sequence, previous: undefined }
}

function readStatement(content: JsonObject): Statement {
  const value = objectWith(content, STATEMENT_KEYS, 'statement')
  require(value['type'] === 'huilian-access-statement/v1', '不是期间声明', 'another type than a period statement')
  const subject = objectWith(value['subject'], ['commitment', 'salt'], 'subject')
  const period = objectWith(value['period'], ['from', 'to'], 'period')
  const last = integerAt(value, 'last_sequence', 0, MAX_SAFE)
  const first = integerAt(value, 'first_sequence', 1, last + 1)
  const counted = integerAt(value, 'count', 0, MAX_SAFE) === last - first + 1
  require(counted && (last > 0 || value['head'] === ''), '声明自相矛盾', 'the statement contradicts itself')
  return {
    first, last,
    commitment: bytesAt(subject, 'commitment', 32),
    salt: bytesAt(subject, 'salt', 32),
    from: parseTime(period['from']),
    to: parseTime(period['to']),
    head: last > 0 ? bytesAt(value, 'head', 32) : undefined,
  }
}

function sameHash(left: Uint8Array | undefined, right: Uint8Array | undefined): boolean {
  return left === undefined || right === undefined ? left === right : equal(left, right)
}
