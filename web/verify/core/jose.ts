/** P-256 keys as JWK (RFC 7517), thumbprints (RFC 7638), ES256 in compact JWS (RFC 7515). */

import { p256 } from '@noble/curves/nist.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concat, decodeBase64Url, encodeBase64Url, equal, utf8 } from './bytes'
import { canonicalise, isObject, parseCanonical, type Json, type JsonObject } from './json'
import { attempt, Refused, require } from './outcome'
import { bytesAt, malformed, objectWith } from './strict'

/** Public keys, as uncompressed points, by their thumbprints. */
export type Keys = ReadonlyMap<string, Uint8Array>

const MAX_TOKEN_CHARS = 16_384

/** The point of a JWK; members beyond the key are allowed. */
export function readJwk(jwk: Json | undefined): Uint8Array {
  if (!isObject(jwk) || jwk['kty'] !== 'EC' || jwk['crv'] !== 'P-256') throw malformed('JWK')
  const point = concat(Uint8Array.of(4), bytesAt(jwk, 'x', 32), bytesAt(jwk, 'y', 32))
  if (attempt(() => p256.Point.fromBytes(point).assertValidity() ?? true) === undefined) throw malformed('JWK')
  return point
}

export function thumbprint(point: Uint8Array): string {
  const x = encodeBase64Url(point.subarray(1, 33))
  const y = encodeBase64Url(point.subarray(33))
  return encodeBase64Url(sha256(canonicalise({ crv: 'P-256', kty: 'EC', x, y })))
}

/** The keys of a JWK set; each must state its own thumbprint as `kid`. */
export function readJwks(jwks: Json | undefined): Map<string, Uint8Array> {
  if (!isObject(jwks) || !Array.isArray(jwks['keys'])) throw malformed('JWK set')
  const keys = new Map<string, Uint8Array>()
  for (const jwk of jwks['keys']) {
    const point = readJwk(jwk)
    const kid = thumbprint(point)
    if (!isObject(jwk) || jwk['kid'] !== kid) throw malformed('kid')
    keys.set(kid, point)
  }
  return keys
}

/** The payload of a JWS that one of the keys signed for this use (`typ`). */
export function verifyJws(token: Json | undefined, keys: Keys, typ: string): JsonObject {
  const parts = typeof token === 'string' && token.length <= MAX_TOKEN_CHARS ? token.split('.') : []
  if (parts.length !== 3) throw malformed(`JWS ${typ}`)
  const [head, body, signature] = parts as [string, string, string]
  const header = objectWith(parseCanonical(decodeBase64Url(head)), ['alg', 'kid', 'typ'], 'JWS header')
  require(header['alg'] === 'ES256' && header['typ'] === typ, `签名用途不是 ${typ}`, `not a signature for ${typ}`)
  const key = typeof header['kid'] === 'string' ? keys.get(header['kid']) : undefined
  if (key === undefined) throw new Refused(`${typ}：签名密钥不在信任锚中`, `${typ}: signed by a key that is not pinned`)
  const valid = verifyEs256(decodeBase64Url(signature), utf8(`${head}.${body}`), key)
  require(valid, `${typ}：签名错误`, `${typ}: wrong signature`)
  const payload = parseCanonical(decodeBase64Url(body))
  if (!isObject(payload)) throw malformed('JWS payload')
  return payload
}

/** Whether r || s (64 bytes) is the key's ES256 signature. JOSE does not ask for a low s. */
export function verifyEs256(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
  if (signature.length !== 64) return false
  return attempt(() => p256.verify(signature, message, key, { lowS: false, format: 'compact' })) ?? false
}

/** The same for a DER signature (X9.62), as WebAuthn and X.509 have it, in its one encoding. */
export function verifyEs256Der(der: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
  const signature = attempt(() => p256.Signature.fromBytes(der, 'der'))
  if (signature === undefined || !equal(signature.toBytes('der'), der)) return false
  return verifyEs256(signature.toBytes('compact'), message, key)
}
