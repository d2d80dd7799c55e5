/** A list that is read page by page and read anew after each act. */

import { onMounted, ref, type Ref } from 'vue'
import { get, textOf } from './api'
import type { Text } from './preferences'

export interface Listing<T> {
  readonly items: Ref<T[]>
  readonly problem: Ref<Text | null>
  readonly loading: Ref<boolean>
  readonly hasMore: Ref<boolean>
  reload(): Promise<void>
  more(): Promise<void>
  /** Do something and read the list anew; what is refused is shown. */
  act(work: () => Promise<unknown>): Promise<void>
}

/** `member` names the list in the answer; `seen` is given every answer. */
export function useListing<T>(path: () => string, member: string, seen?: (answer: Record<string, unknown>) => void): Listing<T> {
  const items = ref([]) as Ref<T[]>
  const problem = ref<Text | null>(null)
  const loading = ref(true)
  const hasMore = ref(false)
  let token = ''

  async function fetched(from: string): Promise<void> {
    const join = path().includes('?') ? '&' : '?'
    const query = from ? `${join}page_token=${encodeURIComponent(from)}` : ''
    const answer = await get<Record<string, unknown>>(path() + query)
    const found = answer[member] as T[]
    items.value = from ? [...items.value, ...found] : found
    token = String(answer['next_page_token'] ?? '')
    hasMore.value = token !== ''
    seen?.(answer)
  }

  async function tried(work: () => Promise<unknown>): Promise<void> {
    loading.value = true
    problem.value = null
    try {
      await work()
    } catch (error) {
      problem.value = textOf(error)
    }
    loading.value = false
  }

  const reload = () => tried(() => fetched(''))
  onMounted(reload)
  return {
    items, problem, loading, hasMore, reload,
    more: () => tried(() => fetched(token)),
    act: (work) => tried(async () => { await work(); await fetched('') }),
  }
}
