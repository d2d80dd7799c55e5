/**
 * Signing in by a key of one's own: a client assertion (RFC 7523) by a P-256 key that this browser keeps and nobody can
 * take out of it. The key's file is read once; the key travels nowhere.
 */

import { ref } from 'vue'
import { siteNow, type Site } from './site'
import { keep, kept, forgetKept, type KeptKey } from './key-store'

const TYP = 'client-authentication+jwt'
const LIFE_S = 120
/** A token is asked for anew this long before its end. */
const MARGIN_MS = 60_000

/** What signing in is answered with. */
export interface Issued {
  readonly access_token: string
  readonly expires_at: string
  readonly subject: string
}

interface Token {
  readonly value: string
  readonly until: number
}

/** Who is signed in; empty when nobody is. */
export const signedInAs = ref('')
let key: KeptKey | null = null
let token: Token | null = null

/** Take the key of a file {"client_id", "key": JWK} into this browser and sign in. Throws what went wrong. */
export async function signInWith(file: File): Promise<void> {
  const said: unknown = JSON.parse(await file.text())
  const chosen = await imported(said)
  // Kept first: whoever reads the page anew at once is still signed in.
  await keep(chosen)
  key = chosen
  try {
    await renewed()
  } catch (error) {
    key = null
    await forgetKept()
    throw error
  }
}

/** Sign in with the key that this browser keeps, if it keeps one. */
export async function signInAgain(): Promise<void> {
  key = await kept()
  await (key ? renewed() : siteNow())
}

/** Take a token that was got without a key file. It is not renewed: once it ends, nobody is signed in. */
export function take(issued: Issued, site: Site): void {
  // The hub's clock may not be this machine's: a sandbox's is moved.
  const lives = Date.parse(issued.expires_at) - Date.parse(site.now)
  token = { value: issued.access_token, until: Date.now() + lives - MARGIN_MS }
  signedInAs.value = issued.subject
}

/** Sign out and forget the key. */
export async function signOut(): Promise<void> {
  const ended = token
  if (key) await forgetKept()
  token = null
  key = null
  signedInAs.value = ''
  if (ended) await fetch('/api/v1/login', { method: 'DELETE', headers: { Authorization: `Bearer ${ended.value}` } })
}

/** A token that is good for a while yet. */
export async function bearer(): Promise<string> {
  if (key && (!token || token.until < Date.now())) await renewed()
  if (token && token.until >= Date.now()) return token.value
  token = null
  signedInAs.value = ''
  throw new Error('signed out')
}

async function imported(said: unknown): Promise<KeptKey> {
  const { client_id: clientId, key: jwk } = said as { client_id?: unknown; key?: JsonWebKey }
  if (typeof clientId !== 'string' || jwk?.kty !== 'EC' || jwk.crv !== 'P-256' || !jwk.x || !jwk.y || !jwk.d) {
    throw new Error('no key file')
  }
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  const { kty, crv, x, y, d } = jwk
  const secret = await crypto.subtle.importKey('jwk', { kty, crv, x, y, d }, algorithm, false, ['sign'])
  return { clientId, kid: await thumbprint(x, y), secret }
}

async function renewed(): Promise<void> {
  if (!key) throw new Error('no key')
  const site = await siteNow()
  const answer = await fetch('/api/v1/login/client', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ client_assertion: await assertion(key, site) }),
  })
  if (!answer.ok) {
    token = null
    signedInAs.value = ''
    throw new Error(`refused: ${answer.status}`)
  }
  take((await answer.json()) as Issued, site)
}

/** Header and claims in RFC 8785's order: the hub takes nothing else. */
async function assertion(of: KeptKey, site: Site): Promise<string> {
  const issued = Math.floor(Date.parse(site.now) / 1000)
  const header = { alg: 'ES256', kid: of.kid, typ: TYP }
  const claims = {
    aud: site.origin, exp: issued + LIFE_S, iat: issued, iss: of.clientId, jti: crypto.randomUUID(), sub: of.clientId,
  }
  const signed = `${encoded(utf8(JSON.stringify(header)))}.${encoded(utf8(JSON.stringify(claims)))}`
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, of.secret, utf8(signed))
  return `${signed}.${encoded(new Uint8Array(signature))}`
}

/** RFC 7638. */
async function thumbprint(x: string, y: string): Promise<string> {
  const canonical = JSON.stringify({ crv: 'P-256', kty: 'EC', x, y })
  return encoded(new Uint8Array(await crypto.subtle.digest('SHA-256', utf8(canonical))))
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}

function encoded(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}
