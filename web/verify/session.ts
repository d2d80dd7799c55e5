/** The files of this visit: kept in memory, judged again whenever the trust anchors change. */

import { computed, shallowRef } from 'vue'
import { MAX_EXPORT_BYTES } from './core/access'
import { parseJson, isObject } from './core/json'
import { attempt, Refused, type Reason, type Verdict } from './core/outcome'
import { parseTrustAnchors, type TrustAnchors } from './core/trust'
import { fingerprint, verifyFile } from './core/verify'
import { embeddedFile, isPdf, MAX_PDF_BYTES } from './pdf'
import { TOO_LARGE } from './texts'

interface Loaded {
  readonly id: number
  readonly name: string
  readonly data: Uint8Array
}

export interface Judged {
  readonly id: number
  readonly name: string
  /** Undefined while there are no trust anchors. */
  readonly verdict: Verdict | undefined
  /** Whether this is the file whose hash the QR code of a printed document named; undefined if none did. */
  readonly printed: boolean | undefined
}

interface Pinned {
  readonly name: string
  readonly anchors: TrustAnchors
  readonly fingerprint: string
}

const MAX_FILES = 50
/** A document's QR code names its receipt behind `#`, which the browser sends to nobody. */
export const expected = /^#sha256=([0-9a-f]{64})$/.exec(location.hash)?.[1]
const files = shallowRef<readonly Loaded[]>([])
let loaded = 0

export const pinned = shallowRef<Pinned>()
export const problem = shallowRef<{ readonly name: string; readonly reason: Reason }>()
export const judged = computed<Judged[]>(() => files.value.map((file) => ({ ...file, verdict: judge(file), printed: isPrinted(file) })))

/** Take in dropped or chosen files; each is a trust file or something to verify. */
export async function take(chosen: Iterable<File>): Promise<void> {
  problem.value = undefined
  for (const file of [...chosen].slice(0, MAX_FILES)) {
    if (file.size > MAX_PDF_BYTES) problem.value = { name: file.name, reason: TOO_LARGE }
    else await open(file.name, new Uint8Array(await file.arrayBuffer()))
  }
}

/** Place a file, or the one that a PDF embeds. */
async function open(name: string, data: Uint8Array<ArrayBuffer>): Promise<void> {
  try {
    if (isPdf(data)) place(`${name} › receipt.json`, await embeddedFile(data))
    else if (data.length > MAX_EXPORT_BYTES) problem.value = { name, reason: TOO_LARGE }
    else place(name, data)
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    problem.value = { name, reason: error.reason }
  }
}

export function forget(): void {
  files.value = []
  pinned.value = undefined
  problem.value = undefined
}

function place(name: string, data: Uint8Array): void {
  if (isTrustFile(data)) pin(name, data)
  else files.value = [{ id: ++loaded, name, data }, ...files.value].slice(0, MAX_FILES)
}

function isTrustFile(data: Uint8Array): boolean {
  const value = attempt(() => parseJson(data))
  return isObject(value) && 'hubs' in value && 'enterprise_ca' in value
}

function pin(name: string, data: Uint8Array): void {
  try {
    pinned.value = { name, anchors: parseTrustAnchors(data), fingerprint: fingerprint(data) }
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    // A damaged trust file must not leave an older one in force unnoticed.
    pinned.value = undefined
    problem.value = { name, reason: error.reason }
  }
}

function isPrinted(file: Loaded): boolean | undefined {
  return expected === undefined ? undefined : fingerprint(file.data) === expected
}

function judge(file: Loaded): Verdict | undefined {
  return pinned.value && verifyFile(file.data, pinned.value.anchors, Math.floor(Date.now() / 1000))
}
