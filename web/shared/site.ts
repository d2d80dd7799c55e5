/** What a page has to know of the site that it came from. */

import { ref } from 'vue'

export interface Site {
  readonly origin: string
  readonly now: string
  readonly sandbox: boolean
}

/** Whether everybody and everything in it is invented. */
export const isSandbox = ref(false)

export async function siteNow(): Promise<Site> {
  const answer = await fetch('/api/v1/site')
  if (!answer.ok) throw new Error(`site: ${answer.status}`)
  const site = (await answer.json()) as Site
  isSandbox.value = site.sandbox
  return site
}
