/** REST with a token: JSON in, JSON out, problems (RFC 9457) as `Refused` in both languages. */

import type { Text } from './preferences'
import { bearer } from './sign-in'

export class Refused extends Error {
  readonly text: Text
  readonly code: string

  constructor(text: Text, code: string) {
    super(code)
    this.text = text
    this.code = code
  }
}

const AWAY: Text = { zh: '暂时无法连接，请稍后重试。', en: 'Out of reach. Try again later.' }

export async function get<T>(path: string): Promise<T> {
  return (await called('GET', path)) as T
}

/** A call that changes something; `requestId` repeats an earlier one without doing it twice. */
export async function post<T>(path: string, body?: unknown, requestId: string = crypto.randomUUID()): Promise<T> {
  return (await called('POST', path, body, requestId)) as T
}

/** A call for which nobody has to be signed in. */
export async function ask<T>(path: string, body?: unknown): Promise<T> {
  return (await answered('POST', path, {}, body)) as T
}

/** Fetch a file and hand it to the browser to keep, under the name that it was given. */
export async function download(path: string): Promise<void> {
  const answer = await fetch(path, { headers: { Authorization: `Bearer ${await bearer()}` } })
  if (!answer.ok) throw refusal(await answer.json())
  const link = document.createElement('a')
  link.href = URL.createObjectURL(await answer.blob())
  link.download = /filename="([^"]+)"/.exec(answer.headers.get('Content-Disposition') ?? '')?.[1] ?? 'document.pdf'
  link.click()
  // The browser reads it in a moment of its own.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

/** What to say of whatever was thrown. */
export function textOf(error: unknown): Text {
  return error instanceof Refused ? error.text : AWAY
}

async function called(method: string, path: string, body?: unknown, requestId?: string): Promise<unknown> {
  const headers: Record<string, string> = { Authorization: `Bearer ${await bearer()}` }
  if (requestId) headers['Idempotency-Key'] = requestId
  return answered(method, path, headers, body)
}

async function answered(method: string, path: string, headers: Record<string, string>, body?: unknown): Promise<unknown> {
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  const sent = body === undefined ? null : JSON.stringify(body)
  const answer = await fetch(`/api/v1${path}`, { method, headers, body: sent })
  if (answer.status === 204) return null
  const said: unknown = await answer.json()
  if (answer.ok) return said
  throw refusal(said)
}

function refusal(said: unknown): Refused {
  const problem = said as { title: string; title_en: string; code: string }
  return new Refused({ zh: problem.title, en: problem.title_en }, problem.code)
}
