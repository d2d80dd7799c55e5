/**
 * The verifier as a process, for the agreement test: JSON lines on standard input and output.
 *
 * Each line is {"trust", "data": base64url, "now": seconds}; the answer is {"kind", "checks": [[name, ok, reason in
 * English], …]}, with the kind "trust" and no checks when the trust file is refused.
 */

import { createInterface } from 'node:readline'
import { decodeBase64Url } from './core/bytes'
import { Refused } from './core/outcome'
import { parseTrustAnchors } from './core/trust'
import { verifyFile } from './core/verify'

interface Line {
  readonly trust: string
  readonly data: string
  readonly now: number
}

function answer({ trust, data, now }: Line): object {
  try {
    const { kind, checks } = verifyFile(decodeBase64Url(data), parseTrustAnchors(decodeBase64Url(trust)), now)
    return { kind, checks: checks.map(({ name, ok, reason }) => [name, ok, reason.en]) }
  } catch (error) {
    if (error instanceof Refused) return { kind: 'trust', checks: [] }
    throw error
  }
}

createInterface({ input: process.stdin }).on('line', (line) => {
  process.stdout.write(JSON.stringify(answer(JSON.parse(line) as Line)) + '\n')
})
