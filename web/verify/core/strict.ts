/** Strict reading of members: exactly the known keys, bounded texts, lists and integers. */

import { decodeBase64Url } from './bytes'
import { isObject, type Json, type JsonObject } from './json'
import { Refused } from './outcome'

export const ADDRESS = /^0x[0-9a-fA-F]{40}$/
/** An id: of a consent, a dataset, a person by their pseudonym. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/
export const MAX_SAFE = Number.MAX_SAFE_INTEGER

/** The value if it is an object with exactly these keys: nobody can hide a statement that another reader skips. */
export function objectWith(value: Json | undefined, keys: readonly string[], what: string): JsonObject {
  if (!isObject(value)) throw malformed(what)
  const present = Object.keys(value)
  if (present.length !== keys.length || !keys.every((key) => key in value)) {
    throw new Refused(`${what} 有未知或缺失的字段`, `${what} has unknown or missing keys`)
  }
  return value
}

/** The text with `least` to `most` characters (Unicode code points). */
export function textAt(value: JsonObject, key: string, most = 256, least = 1): string {
  const text = value[key]
  if (typeof text !== 'string') throw malformed(key)
  const length = Array.from(text).length
  if (length < least || length > most) throw malformed(key)
  return text
}

/** The text if the whole of it matches; patterns carry their own ^ and $ (and no m flag). */
export function matchingAt(value: JsonObject, key: string, pattern: RegExp, most = 256): string {
  const text = textAt(value, key, most)
  if (!pattern.test(text)) throw malformed(key)
  return text
}

export function integerAt(value: JsonObject, key: string, least: number, most: number): number {
  const number = value[key]
  if (typeof number !== 'number' || number < least || number > most) throw malformed(key)
  return number
}

export function listAt(value: JsonObject, key: string, most: number, least = 0): Json[] {
  const items = value[key]
  if (!Array.isArray(items) || items.length < least || items.length > most) throw malformed(key)
  return items
}

/** The bytes of a base64url text, exactly `size` of them. */
export function bytesAt(value: JsonObject, key: string, size: number): Uint8Array {
  const data = decodeBase64Url(textAt(value, key, 2 * size + 2))
  if (data.length !== size) throw malformed(key)
  return data
}

/** The bytes of a base64url text of any length. */
export function encodedAt(value: JsonObject, key: string): Uint8Array {
  const text = value[key]
  if (typeof text !== 'string') throw malformed(key)
  return decodeBase64Url(text)
}

export function malformed(what: string): Refused {
  return new Refused(`${what} 格式不正确`, `${what} is malformed`)
}
