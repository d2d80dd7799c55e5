/** Amounts, times and codes as people read them. */

import { language, say, type Text } from './preferences'

const YUAN = new Intl.NumberFormat('zh-CN', { style: 'currency', currency: 'CNY' })

/** Fen as yuan. */
export function yuan(fen: number): string {
  return YUAN.format(fen / 100)
}

/** A rate as a fraction in text, as people read it: every digit that it has, in percent. */
export function percent(rate: string): string {
  const [whole = '0', part = ''] = rate.split('.')
  const digits = part.padEnd(2, '0')
  const left = String(Number(whole + digits.slice(0, 2)))
  const right = digits.slice(2).replace(/0+$/, '')
  return right ? `${left}.${right}%` : `${left}%`
}

/** A rate that somebody typed in percent, below 100, as a fraction in text; null for none. Digits are moved, never rounded. */
export function fraction(typed: string): string | null {
  const read = /^([0-9]{1,2})(?:\.([0-9]{1,6}))?$/.exec(typed)
  if (!read) return null
  const digits = `${read[1]!.padStart(2, '0')}${read[2] ?? ''}`.replace(/0+$/, '')
  return digits ? `0.${digits}` : '0'
}

/** The day in China, YYYY-MM-DD. */
export function dayInChina(at: number): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai' }).format(at)
}

/** A moment in China; empty for none. */
export function moment(text: string): string {
  if (!text) return ''
  const options = { timeZone: 'Asia/Shanghai', dateStyle: 'medium', timeStyle: 'short' } as const
  return new Intl.DateTimeFormat(language.value === 'zh' ? 'zh-CN' : 'en-GB', options).format(new Date(text))
}

/** A code in the chosen language, or itself where nobody gave it words. */
export function word(words: Readonly<Record<string, Text>>, code: string): string {
  const known = words[code]
  return known ? say(known) : code
}

/** A reason of the hub in the chosen language. */
export function reasonText(reason: { readonly text_zh: string; readonly text_en: string }): string {
  return language.value === 'zh' ? reason.text_zh : reason.text_en
}
