/** Instants: seconds since the epoch, and their one text form (RFC 3339, whole seconds, Z). */

import type { Json } from './json'
import { Refused } from './outcome'

// The years 1 to 9999, the range that the text form can write.
const FIRST = -62135596800
const LAST = 253402300799
const TEXT = /^(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/

/** Seconds since the epoch of the one text form. */
export function parseTime(text: Json | undefined): number {
  const ms = typeof text === 'string' && TEXT.test(text) ? Date.parse(text) : NaN
  // Date.parse lets 30 February and 24 o'clock roll over; the way back shows it.
  if (Number.isNaN(ms) || formatTime(ms / 1000) !== text) {
    throw new Refused('时间格式不正确', 'not an RFC 3339 instant with whole seconds and Z')
  }
  return ms / 1000
}

export function formatTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}

/** An integer that is an instant within the years 1 to 9999. */
export function instant(value: Json | undefined): number {
  if (typeof value !== 'number' || value < FIRST || value > LAST) {
    throw new Refused('时间超出范围', 'a time is out of range')
  }
  return value
}

/** `2026-03-02 02:00:00 UTC`, for people. */
export function readable(seconds: number): string {
  return formatTime(seconds).replace('T', ' ').replace('Z', ' UTC')
}
