/** Where a certificate comes from: receipts from the buyer's confirmation to a holder, which together are one chain. */

import { decodeBase64Url } from './bytes'
import { isObject, parseCanonical, type Json, type JsonObject } from './json'
import { require, runCheck, type Check, type Reason, type ReceiptCheckName } from './outcome'
import { parseReceipt } from './receipt'
import { integerAt, listAt, malformed, MAX_SAFE, objectWith, textAt } from './strict'

export const PROVENANCE = 'huilian-provenance/v1'
const MAX_BYTES = 8 * 1024 * 1024
const MAX_STEPS = 200
const MAX_STEP_BYTES = 1024 * 1024
const MAX_PARTS = 10_000

interface Provenance {
  readonly certificateId: string
  /** Canonical receipts, the confirmation's first. */
  readonly steps: readonly Uint8Array[]
}

interface Link {
  readonly type: Json | undefined
  readonly content: JsonObject
}

/** The certificate that a chain has come to. */
interface Current {
  readonly id: string
  readonly amountFen: number
  readonly holder: string
}

/** All checks of such a file; when its form is wrong, that one only. `receiptChecks` are those of a receipt. */
export function checkProvenance(
  data: Uint8Array, receiptChecks: (receipt: Uint8Array) => readonly Check<ReceiptCheckName>[],
): Check[] {
  const parsed: Provenance[] = []
  const form = runCheck('form', () => {
    const found = readProvenance(data)
    parsed.push(found)
    return { zh: `字节为规范形式，内含 ${found.steps.length} 份回执`, en: `canonical bytes with ${found.steps.length} receipts` }
  })
  const [found] = parsed
  if (found === undefined) return [form]
  return [
    form,
    ...found.steps.flatMap((step, at) =>
      receiptChecks(step).map((check) => ({ ...check, name: `step ${at + 1}: ${check.name}` as const })),
    ),
    runCheck('one log', () => checkOneLog(found)),
    runCheck('chain', () => checkChain(found)),
  ]
}

function readProvenance(data: Uint8Array): Provenance {
  require(data.length <= MAX_BYTES, '文件过大', 'the file is too large')
  const value = objectWith(parseCanonical(data), ['certificate_id', 'steps', 'type'], 'provenance')
  require(value['type'] === PROVENANCE, '来源文件版本未知', 'a provenance of another type')
  const steps = listAt(value, 'steps', MAX_STEPS, 2).map((step) => {
    if (typeof step !== 'string') throw malformed('steps')
    return decodeBase64Url(step)
  })
  require(steps.every(({ length }) => length <= MAX_STEP_BYTES), '内含的回执过大', 'a receipt is too large')
  return { certificateId: textAt(value, 'certificate_id', 64), steps }
}

/** A chain is told by one hub: records of two hubs say nothing about each other's certificates. */
function checkOneLog({ steps }: Provenance): Reason {
  const receipts = steps.map(parseReceipt)
  const logs = new Set(receipts.map(({ checkpoint }) => checkpoint.split('\n')[0]))
  require(logs.size === 1, '回执来自几个日志', 'the receipts are of several logs')
  const keys = new Set(receipts.map(({ hubKeyId }) => hubKeyId)).size
  const [log] = logs
  return { zh: `全部回执出自日志 ${log}，由 ${keys} 个密钥签署`, en: `all receipts are of the log ${log}, by ${keys} key(s)` }
}

function checkChain({ certificateId, steps }: Provenance): Reason {
  const [confirmation, issue, ...later] = steps.map((step): Link => {
    const { record } = parseReceipt(step)
    const content = record['content']
    if (!isObject(content)) throw malformed('content')
    return { type: record['type'], content }
  })
  const root = issue!.content
  let current = issued(confirmation!, issue!)
  for (const [at, link] of later.entries()) {
    checkSame(root, link.content)
    current = link.type === 'certificate.split' ? split(current, link.content, later[at + 1], certificateId) : passOn(current, link)
  }
  require(current.id === certificateId, '链条止于另一张凭证', 'the chain ends at another certificate')
  const { amountFen, holder } = current
  return {
    zh: `${certificateId}：${amountFen} 分，为 ${holder} 开立，自买方确权起金额守恒`,
    en: `${certificateId}: ${amountFen} fen, made for ${holder}, conserved from the buyer's confirmation`,
  }
}

/** The first certificate, as the buyer confirmed. */
function issued({ type, content: confirmed }: Link, { type: second, content: root }: Link): Current {
  const first = type === 'receivable.confirmed' && second === 'certificate.issued'
  require(first, '首先应是确权和开立', 'a confirmation and an issue come first')
  const alike = (name: string, stated: string): boolean => textAt(root, name) === textAt(confirmed, stated)
  require(alike('receivable_id', 'receivableId'), '就另一笔应收账款开立', 'issued over another receivable')
  require(alike('issuer_uscc', 'buyerUscc'), '开立人不是确权的买方', 'issued by somebody else than the buyer who confirmed')
  require(alike('holder_uscc', 'supplierUscc'), '不是开给供应商', 'issued to somebody else than the supplier')
  require(alike('due_date', 'dueDate'), '到期日与确权不同', 'another due date than was confirmed')
  const amountFen = fenAt(root, 'amount_fen')
  require(amountFen <= fenAt(confirmed, 'amountFen'), '开立金额超过确权', 'issued for more than was confirmed')
  require(root['parent_id'] === null, '第一张凭证不应有来源', 'the first certificate has no parent')
  return { amountFen, id: textAt(root, 'certificate_id'), holder: textAt(root, 'holder_uscc') }
}

function checkSame(root: JsonObject, content: JsonObject): void {
  for (const name of ['receivable_id', 'issuer_uscc', 'due_date', 'currency']) {
    require(textAt(content, name) === textAt(root, name), `${name} 中途变了`, `${name} changed on the way`)
  }
}

/** Spend the current certificate into parts and go on with the one that the chain goes on with. */
function split(current: Current, content: JsonObject, following: Link | undefined, certificateId: string): Current {
  const own = textAt(content, 'certificate_id') === current.id && fenAt(content, 'amount_fen') === current.amountFen
  require(own, '拆分的是另一张凭证或另一个金额', 'a split of another certificate or amount')
  require(textAt(content, 'holder_uscc') === current.holder, '拆分人不是持有人', 'split by somebody who did not hold it')
  const listed = listAt(content, 'parts', MAX_PARTS, 2)
  const parts = new Map(listed.map(readPart))
  require(parts.size === listed.length, '同一部分出现两次', 'a part appears twice')
  const total = [...parts.values()].reduce((sum, fen) => sum + BigInt(fen), 0n)
  require(total === BigInt(current.amountFen), '各部分之和不等于原额', 'the parts are not the whole')
  const id = following === undefined ? certificateId : textAt(following.content, 'parts' in following.content ? 'certificate_id' : 'parent_id')
  const amountFen = parts.get(id)
  require(amountFen !== undefined, '链条接着的凭证不是拆分所得', 'the chain goes on with a certificate that the split did not make')
  return { id, amountFen, holder: current.holder }
}

function readPart(raw: Json): [string, number] {
  if (!isObject(raw)) throw malformed('parts')
  return [textAt(raw, 'certificate_id'), fenAt(raw, 'amount_fen')]
}

/** A transfer by the holder to another, or the return of an offer to whoever made it. */
function passOn(current: Current, { type, content }: Link): Current {
  const makes = type === 'certificate.transferred' || type === 'certificate.returned'
  require(makes, '此类记录不产生凭证', 'a record of this type makes no certificate')
  require(textAt(content, 'parent_id') === current.id, '来源是另一张凭证', 'made out of another certificate')
  require(fenAt(content, 'amount_fen') === current.amountFen, '金额中途变了', 'the amount changed on the way')
  const passed = type !== 'certificate.transferred' || textAt(content, 'offered_by') === current.holder
  require(passed, '转让人不是持有人', 'passed on by somebody who did not hold it')
  return { ...current, id: textAt(content, 'certificate_id'), holder: textAt(content, 'holder_uscc') }
}

function fenAt(content: JsonObject, name: string): number {
  return integerAt(content, name, 1, MAX_SAFE)
}
