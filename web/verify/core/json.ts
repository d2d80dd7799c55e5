/**
 * JSON as it comes from outside (RFC 8259), read strictly, and its canonical form (RFC 8785).
 *
 * `JSON.parse` is not enough: it cannot tell 1 from 1.0, rounds big integers and knows no limit of depth. Here integers
 * within ±(2^53 - 1) are numbers; every other number is an `OddNumber`, which has no canonical form in this protocol.
 */

import { equal, utf8 } from './bytes'
import { attempt, Refused } from './outcome'

export const MAX_DEPTH = 64
const MAX_INTEGER_DIGITS = 4300

/** A number with a fraction or an exponent, or beyond ±(2^53 - 1): money is integer fen, rates are texts. */
export class OddNumber {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

export type Json = null | boolean | number | string | OddNumber | Json[] | JsonObject
export interface JsonObject {
  [key: string]: Json
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof OddNumber)
}

/** The value of JSON text in UTF-8; of a key that stands twice, the last value. */
export function parseJson(data: Uint8Array): Json {
  const text = attempt(() => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data))
  if (text === undefined) throw notJson()
  return new Parser(text).whole()
}

/** The value of bytes that are their own canonical form: no spaces, no second spelling, no key twice. */
export function parseCanonical(data: Uint8Array): Json {
  const value = parseJson(data)
  if (!equal(canonicalise(value), data)) {
    throw new Refused('不是规范 JSON（RFC 8785）', 'not in canonical form (RFC 8785)')
  }
  return value
}

/** The RFC 8785 bytes of a value. */
export function canonicalise(value: Json): Uint8Array {
  return utf8(canonicalText(value))
}

/** Whether two values are the same JSON; true is not 1. */
export function same(left: Json | undefined, right: Json | undefined): boolean {
  return left !== undefined && right !== undefined && canonicalText(left) === canonicalText(right)
}

function canonicalText(value: Json): string {
  if (value instanceof OddNumber) throw new Refused('数字不是安全整数', 'a number is no safe integer')
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`
  if (!isObject(value)) return JSON.stringify(value)
  // The default order of sort() is by UTF-16 code units, as RFC 8785 section 3.2.3 asks.
  const keys = Object.keys(value).sort()
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalText(value[key]!)}`).join(',')}}`
}

class Parser {
  private at = 0
  private depth = 0
  private readonly text: string

  constructor(text: string) {
    this.text = text
  }

  whole(): Json {
    const value = this.value()
    if (this.at !== this.text.length) throw notJson()
    return value
  }

  private value(): Json {
    this.space()
    const value = this.bare()
    this.space()
    return value
  }

  private bare(): Json {
    const first = this.text[this.at]
    if (first === '{') return this.nested(() => this.object())
    if (first === '[') return this.nested(() => this.array())
    if (first === '"') return this.string()
    for (const [word, value] of [['true', true], ['false', false], ['null', null]] as const) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length
        return value
      }
    }
    return this.number()
  }

  private nested<T>(read: () => T): T {
    if (++this.depth > MAX_DEPTH) throw new Refused('嵌套过深', 'nested too deeply')
    this.at++
    const value = read()
    this.depth--
    return value
  }

  private object(): JsonObject {
    // Without a prototype, a key named __proto__ is a key like any other.
    const object = Object.create(null) as JsonObject
    this.items('}', () => {
      this.space()
      const key = this.string()
      this.space()
      if (!this.take(':')) throw notJson()
      object[key] = this.value()
    })
    return object
  }

  private array(): Json[] {
    const items: Json[] = []
    this.items(']', () => items.push(this.value()))
    return items
  }

  private items(end: string, read: () => void): void {
    this.space()
    if (this.take(end)) return
    do read()
    while (this.take(','))
    if (!this.take(end)) throw notJson()
  }

  private string(): string {
    const [raw] = this.match(/"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y)
    const text = JSON.parse(raw) as string
    if (!isWellFormed(text)) throw new Refused('含半个代理对', 'half a surrogate pair')
    return text
  }

  private number(): number | OddNumber {
    const [raw, fraction] = this.match(/-?(?:0|[1-9][0-9]*)(\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)?/y)
    const odd = fraction !== undefined || !Number.isSafeInteger(Number(raw))
    if (fraction === undefined && raw.replace('-', '').length > MAX_INTEGER_DIGITS) throw notJson()
    return odd ? new OddNumber(raw) : Number(raw)
  }

  private match(pattern: RegExp): RegExpExecArray {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)
    if (found === null) throw notJson()
    this.at = pattern.lastIndex
    return found
  }

  private take(character: string): boolean {
    const found = this.text[this.at] === character
    if (found) this.at++
    return found
  }

  private space(): void {
    this.match(/[ \t\n\r]*/y)
  }
}

/** Whether no half of a surrogate pair stands alone, which would be no character. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text)
}

function notJson(): Refused {
  return new Refused('不是合法的 JSON', 'not JSON')
}
