/** A person's device: the identity authority's binding of its key, and what it signs (WebAuthn, section 7.2). */

import { sha256 } from '@noble/hashes/sha2.js'
import { concat, encodeBase64Url, equal, utf8 } from './bytes'
import { readJwk, verifyEs256Der, verifyJws } from './jose'
import { isObject, parseJson, type Json } from './json'
import { require } from './outcome'
import { bytesAt, encodedAt, malformed, objectWith } from './strict'
import { instant } from './time'
import type { TrustAnchors } from './trust'

export interface Binding {
  /** The network number: the person's pseudonym. */
  readonly subject: string
  readonly deviceKey: Uint8Array
}

export interface Assertion {
  readonly authenticatorData: Uint8Array
  readonly clientData: Uint8Array
  readonly signature: Uint8Array
  readonly json: Json
}

const CLAIMS = ['assurance', 'cnf', 'exp', 'iat', 'identity_commitment', 'iss', 'sub']
const CLOCK_SKEW_S = 60
const MAX_BYTES = 4096
const PRESENT_AND_VERIFIED = 0x05
const EXTENSION_DATA = 0x80
const HEADER_BYTES = 37

/** The binding that a pinned identity authority signed and that is valid at this instant. */
export function verifyBinding(token: Json | undefined, trust: TrustAnchors, at: number): Binding {
  const payload = verifyJws(token, trust.identityAuthorityKeys, 'huilian-binding+jwt')
  const claims = objectWith(payload, CLAIMS, 'binding')
  for (const key of ['iss', 'sub', 'assurance'] as const) {
    if (typeof claims[key] !== 'string' || claims[key] === '') throw malformed(key)
  }
  bytesAt(claims, 'identity_commitment', 32)
  const deviceKey = readJwk(objectWith(claims['cnf'], ['jwk'], 'cnf')['jwk'])
  const [from, until] = [instant(claims['iat']), instant(claims['exp'])]
  require(from <= at + CLOCK_SKEW_S, '设备绑定的签发时间在将来', "the device's binding was issued in the future")
  require(at < until, '设备绑定已过期', "the device's binding has expired")
  return { subject: claims['sub'] as string, deviceKey }
}

export function readAssertion(raw: Json | undefined): Assertion {
  const json = objectWith(raw, ['authenticator_data', 'client_data_json', 'signature'], 'assertion')
  return {
    json,
    authenticatorData: encodedAt(json, 'authenticator_data'),
    clientData: encodedAt(json, 'client_data_json'),
    signature: encodedAt(json, 'signature'),
  }
}

/** Check that the owner of the key, present and verified, signed the 32 bytes `challenge` where the anchors say. */
export function verifyAssertion(
  assertion: Assertion, deviceKey: Uint8Array, challenge: Uint8Array, trust: TrustAnchors,
): void {
  checkClientData(assertion, challenge, trust.origin)
  checkAuthenticatorData(assertion.authenticatorData, trust.rpId)
  const signed = concat(assertion.authenticatorData, sha256(assertion.clientData))
  require(verifyEs256Der(assertion.signature, signed, deviceKey), '本人设备签名错误', "the device's signature is wrong")
}

function checkClientData(assertion: Assertion, challenge: Uint8Array, origin: string): void {
  const small = Math.max(assertion.clientData.length, assertion.authenticatorData.length) <= MAX_BYTES
  require(small, '设备断言过大', 'the assertion is too large')
  const data = parseJson(assertion.clientData)
  if (!isObject(data) || data['type'] !== 'webauthn.get') throw malformed('client data')
  require(data['challenge'] === encodeBase64Url(challenge), '设备所签的是别的内容', 'the device signed something else')
  const here = data['origin'] === origin && (!('crossOrigin' in data) || data['crossOrigin'] === false)
  require(here, '设备签名来自别的网站', 'the device signed at another origin')
}

function checkAuthenticatorData(data: Uint8Array, rpId: string): void {
  require(data.length >= HEADER_BYTES, '验证器数据过短', 'the authenticator data is too short')
  const party = equal(data.subarray(0, 32), sha256(utf8(rpId)))
  require(party, '设备签名属于别的依赖方', 'the device signed for another relying party')
  const flags = data[32]!
  const willing = (flags & PRESENT_AND_VERIFIED) === PRESENT_AND_VERIFIED
  require(willing, '签名时未核验本人在场', 'the person was not present and verified')
  const tail = data.length === HEADER_BYTES || (flags & EXTENSION_DATA) !== 0
  require(tail, '验证器数据过长', 'the authenticator data is too long')
}
