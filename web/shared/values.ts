/** Amounts, times and codes as people read them. */

import { language, say, type Text } from './preferences'

const YUAN = new Intl.NumberFormat('zh-CN', { style: 'currency', currency: 'CNY' })

/** Fen as yuan. */
export function yuan(fen: number): string {
  return YUAN.format(fen / 100)
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
