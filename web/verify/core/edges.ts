/** What the edges say that they answered, compared with what a hub shows: a hub may leave a count out, not change it. */

import { decodeBase64Url } from './bytes'
import { verifyJws } from './jose'
import { isObject, parseCanonical, type Json, type JsonObject } from './json'
import { require, type Reason } from './outcome'
import { integerAt, listAt, malformed, objectWith, textAt } from './strict'
import { parseTime } from './time'
import type { TrustAnchors } from './trust'

/** A shown record: when it was recorded, and its content. */
export interface Shown {
  readonly at: number
  readonly content: JsonObject
}

interface Answer {
  readonly requestId: string
  readonly at: number
}

interface Action extends Answer {
  readonly outcome: string
}

interface Count {
  readonly agency: string
  readonly consentId: string
  readonly asOf: number
  readonly answers: readonly Answer[]
  readonly actions: readonly Action[]
}

// An answer leaves the edge a moment before the hub records it, by another clock.
const AT_THE_END_S = 60
const MAX_ANSWERS = 10_000
const MAX_ID = 128
const ENDS = ['EXECUTED', 'REJECTED']
const ANSWERED = [...ENDS, 'DELIVERED']

export function compareCounts(
  tokens: readonly string[], shown: readonly Shown[], from: number, to: number, trust: TrustAnchors,
): Reason {
  const counts = tokens.map((token) => readCount(token, trust))
  for (const { count } of counts) compare(count, shown, from, to)
  for (const { content } of shown) plain(content['outcome'])
  const unpinned = [...new Set(counts.filter(({ pinned }) => !pinned).map(({ count }) => count.agency))].sort()
  const left = uncounted(shown, counts.map(({ count }) => count))
  const zh = [counts.length > 0 ? `${counts.length} 份计数与记录一致` : '没有附计数']
  const en = [counts.length > 0 ? `${counts.length} counts agree with the records` : 'none given']
  if (unpinned.length > 0) {
    zh.push(`${unpinned.join('、')} 的密钥不在信任锚中，未验证`)
    en.push(`no key pinned to check that of ${unpinned.join(', ')}`)
  }
  if (left.length > 0) {
    zh.push(`缺 ${left.length} 份计数`)
    en.push(`none for ${left.join(', ')}`)
  }
  return { zh: zh.join('；'), en: en.join('; ') }
}

function uncounted(shown: readonly Shown[], counts: readonly Count[]): string[] {
  const counted = new Set(counts.map(({ agency, consentId }) => `${consentId} at ${agency}`))
  const answered = shown.filter(({ content }) => ANSWERED.includes(content['outcome'] as string) && content['agency'])
  const pairs = answered.map(({ content }) => `${String(content['consent_id'])} at ${String(content['agency'])}`)
  return [...new Set(pairs)].filter((pair) => !counted.has(pair)).sort()
}

/** Throws when the edge counted what is not shown, or the other way round. */
function compare(count: Count, all: readonly Shown[], from: number, to: number): void {
  const own = all.filter(({ content }) => content['consent_id'] === count.consentId)
  const requests = own.map(({ content }) => plain(content['request_id']))
  const within = ({ at }: Answer): boolean => from <= at && at <= to - AT_THE_END_S
  const hidden = count.answers.some((answer) => within(answer) && !requests.includes(answer.requestId))
  require(!hidden, `${count.agency} 应答过平台没有出示的请求`, `${count.agency} answered a request of which the hub shows no record`)
  const answered = new Set<Json | undefined>(count.answers.map(({ requestId }) => requestId))
  const stated = own.filter(({ at, content }) => content['agency'] === count.agency && at <= count.asOf)
  const delivered = own.filter(({ content }) => plain(content['outcome']) === 'DELIVERED').map(({ content }) => content)
  const invented = stated.some(({ content }) => delivered.includes(content) && !answered.has(content['request_id']))
  require(!invented, `平台出示了 ${count.agency} 没有计入的应答`, `the hub shows an answer that ${count.agency} did not count`)
  compareActions(count, own, stated, within)
}

function compareActions(
  count: Count, own: readonly Shown[], stated: readonly Shown[], within: (item: Answer) => boolean,
): void {
  const ended = (content: JsonObject): string => JSON.stringify([content['request_id'], content['outcome']])
  const shown = new Set(own.filter(({ content }) => 'action' in content).map(({ content }) => ended(content)))
  const key = ({ requestId, outcome }: Action): string => JSON.stringify([requestId, outcome])
  const hidden = count.actions.some((action) => within(action) && !shown.has(key(action)))
  require(!hidden, `${count.agency} 办结过平台没有出示的事项`, `${count.agency} settled an action of which the hub shows no record`)
  const settled = new Set(count.actions.map(key))
  const invented = stated.some(({ content }) => ENDS.includes(content['outcome'] as string) && !settled.has(ended(content)))
  require(!invented, `平台出示了 ${count.agency} 没有计入的办理`, `the hub shows an action that ${count.agency} did not count`)
}

/** A value that can be compared: a list or an object is no id and no outcome. */
function plain(value: Json | undefined): Json | undefined {
  if (Array.isArray(value) || isObject(value)) throw malformed('content')
  return value
}

function readCount(token: string, trust: TrustAnchors): { count: Count; pinned: boolean } {
  const parts = token.split('.')
  require(parts.length === 3, '计数不是 JWS', 'a count is no compact JWS')
  const count = readClaims(parseCanonical(decodeBase64Url(parts[1]!)))
  const keys = trust.agencies.get(count.agency)
  if (keys !== undefined) verifyJws(token, keys, 'huilian-answer-count+jwt')
  return { count, pinned: keys !== undefined }
}

function readClaims(raw: Json): Count {
  const acts = isObject(raw) && 'actions' in raw
  const value = objectWith(raw, ['agency', 'answers', 'as_of', 'consent_id', 'count', ...(acts ? ['actions'] : [])], 'count')
  const answers = listAt(value, 'answers', MAX_ANSWERS).map(readAnswer)
  const actions = acts ? listAt(value, 'actions', MAX_ANSWERS, 1).map(readAction) : []
  const whole = integerAt(value, 'count', 0, 2 * MAX_ANSWERS) === answers.length + actions.length
  require(whole, '计数与所列不符', 'the count is not that of its answers and actions')
  return {
    answers, actions,
    agency: textAt(value, 'agency'),
    consentId: textAt(value, 'consent_id', MAX_ID),
    asOf: parseTime(value['as_of']),
  }
}

function readAnswer(raw: Json): Answer {
  const value = objectWith(raw, ['counted_at', 'dataset', 'request_id'], 'answer')
  textAt(value, 'dataset', MAX_ID)
  return { requestId: textAt(value, 'request_id', MAX_ID), at: parseTime(value['counted_at']) }
}

function readAction(raw: Json): Action {
  const value = objectWith(raw, ['action', 'outcome', 'request_id', 'settled_at'], 'action')
  const outcome = textAt(value, 'outcome')
  if (!ENDS.includes(outcome)) throw malformed('outcome')
  textAt(value, 'action', MAX_ID)
  return { outcome, requestId: textAt(value, 'request_id', MAX_ID), at: parseTime(value['settled_at']) }
}
