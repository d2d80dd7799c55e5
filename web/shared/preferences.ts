/** Language and text size of a page: chosen by the person, kept in the page's memory only. */

import { ref, watchEffect } from 'vue'

export type Language = 'zh' | 'en'
export type Text = Readonly<Record<Language, string>>

export const language = ref<Language>('zh')
/** Elder mode (适老化): large type, large targets. */
export const large = ref(false)

watchEffect(() => {
  document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en'
  document.documentElement.classList.toggle('large', large.value)
})

/** The text in the chosen language. */
export function say(text: Text): string {
  return text[language.value]
}
