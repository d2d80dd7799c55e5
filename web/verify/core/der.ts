/** DER (X.690), just what an X.509 certificate needs: one spelling of lengths, nothing left over. */

import { malformed } from './strict'

export interface Element {
  readonly tag: number
  readonly content: Uint8Array
  /** Tag, length and content: what a signature covers. */
  readonly whole: Uint8Array
}

export const TAG = {
  boolean: 0x01, integer: 0x02, bitString: 0x03, octetString: 0x04, oid: 0x06,
  utcTime: 0x17, generalizedTime: 0x18, sequence: 0x30, set: 0x31, extensions: 0xa3,
} as const

/** The one element that fills `data`. */
export function element(data: Uint8Array, tag: number): Element {
  const [only, ...more] = elements(data)
  if (only === undefined || more.length > 0 || only.tag !== tag) throw malformed('DER')
  return only
}

/** The elements that follow one another in `data`. */
export function elements(data: Uint8Array): Element[] {
  const found: Element[] = []
  for (let at = 0; at < data.length; ) {
    const next = read(data, at)
    found.push(next)
    at += next.whole.length
  }
  return found
}

/** The elements inside a sequence or set. */
export function inside(parent: Element | undefined, tag: number): Element[] {
  return elements(content(parent, tag))
}

export function content(item: Element | undefined, tag: number): Uint8Array {
  if (item === undefined || item.tag !== tag) throw malformed('DER')
  return item.content
}

function read(data: Uint8Array, at: number): Element {
  const first = data[at + 1]
  if ((data[at]! & 0x1f) === 0x1f || first === undefined || first === 0x80 || first > 0x83) throw malformed('DER')
  const sizeBytes = first < 0x80 ? 0 : first - 0x80
  const start = at + 2 + sizeBytes
  const stated = data.subarray(at + 2, start)
  const size = sizeBytes === 0 ? first : stated.reduce((sum, byte) => sum * 256 + byte, 0)
  const shortest = sizeBytes === 0 || (stated[0] !== 0 && size >= 0x80)
  if (stated.length !== sizeBytes || !shortest || start + size > data.length) throw malformed('DER')
  return { tag: data[at]!, content: data.subarray(start, start + size), whole: data.subarray(at, start + size) }
}
