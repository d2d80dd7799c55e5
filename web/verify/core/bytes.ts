/** Byte strings: comparison, hexadecimal, and base64 in which every value has exactly one spelling. */

import { Refused } from './outcome'

const STANDARD = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const URL_SAFE = STANDARD.slice(0, 62) + '-_'

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

export function equal(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at])
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export function toHex(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** The bytes of an even number of hexadecimal digits, which the caller has checked. */
export function fromHex(digits: string): Uint8Array {
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) => parseInt(digits.slice(2 * at, 2 * at + 2), 16))
}

export function toNumber(data: Uint8Array): bigint {
  return data.length === 0 ? 0n : BigInt('0x' + toHex(data))
}

/** base64url (RFC 4648 section 5) without padding. */
export function encodeBase64Url(data: Uint8Array): string {
  return encode(data, URL_SAFE)
}

/** The bytes of base64url text. No padding, no other characters, and unused bits are zero. */
export function decodeBase64Url(text: string): Uint8Array {
  return decode(text, URL_SAFE)
}

/** The bytes of standard base64 (RFC 4648 section 4), padded, in its one spelling. */
export function decodeBase64(text: string): Uint8Array {
  const data = text.replace(/={1,2}$/, '')
  if (text !== data + '='.repeat((4 - (data.length % 4)) % 4)) throw notBase64()
  return decode(data, STANDARD)
}

export function encodeBase64(data: Uint8Array): string {
  const text = encode(data, STANDARD)
  return text + '='.repeat((4 - (text.length % 4)) % 4)
}

function encode(data: Uint8Array, alphabet: string): string {
  let text = ''
  let bits = 0
  let held = 0
  for (const byte of data) {
    held = ((held & 0x3f) << 8) | byte
    for (bits += 8; bits >= 6; bits -= 6) text += alphabet[(held >> (bits - 6)) & 0x3f]
  }
  return bits > 0 ? text + alphabet[(held << (6 - bits)) & 0x3f] : text
}

function decode(text: string, alphabet: string): Uint8Array {
  const data = new Uint8Array(Math.floor((text.length * 6) / 8))
  let at = 0
  let bits = 0
  let held = 0
  for (const character of text) {
    const value = alphabet.indexOf(character)
    if (value < 0) throw notBase64()
    held = ((held << 6) | value) & 0xfff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      data[at++] = (held >> bits) & 0xff
    }
  }
  // A whole unused character, or unused bits that are not zero, would be a second spelling of the same bytes.
  if (bits >= 6 || (held & ((1 << bits) - 1)) !== 0) throw notBase64()
  return data
}

function notBase64(): Refused {
  return new Refused('base64 编码不是唯一规范写法', 'not the one canonical spelling in base64')
}
