/** Trust anchors: the keys that a verifier pins, so that no hub has to be believed. */

import { readJwks, type Keys } from './jose'
import { isObject, parseJson, type Json, type JsonObject } from './json'
import { Refused } from './outcome'
import { ADDRESS, bytesAt, integerAt, listAt, malformed, matchingAt, MAX_SAFE, objectWith, textAt } from './strict'

export interface TrustedHub {
  readonly origin: string
  readonly signingKeys: Keys
  /** The log's Ed25519 key in C2SP form; read when a checkpoint is checked. */
  readonly logVkey: string
  readonly chainAddress: string
}

export interface TrustAnchors {
  readonly identityAuthorityKeys: Keys
  /** PEM; read when a certificate is checked. */
  readonly enterpriseCa: string
  readonly hubs: readonly TrustedHub[]
  readonly chainId: number
  readonly contract: string
  readonly rpId: string
  readonly origin: string
  /** The signing keys of the agencies' edges by the agency's id; may be empty. */
  readonly agencies: ReadonlyMap<string, Keys>
}

const KEYS = ['chain', 'enterprise_ca', 'hubs', 'identity_authority_keys', 'origin', 'rp_id']
const OPTIONAL = ['agencies', 'identity_authority_sealing_keys']
const AGENCY = /^[a-z_]{3,64}$/
const MAX_AGENCIES = 1_024
/** Bytes of a public sealing key by suite. */
const SEALING_BYTES: Readonly<Record<string, number>> = { xwing: 1216, x25519: 32 }

export function parseTrustAnchors(data: Uint8Array): TrustAnchors {
  const raw = parseJson(data)
  const present = isObject(raw) ? OPTIONAL.filter((key) => key in raw) : []
  const value = objectWith(raw, [...KEYS, ...present], 'trust anchors')
  if (present.includes('identity_authority_sealing_keys')) checkSealingKeys(value, 'identity_authority_sealing_keys')
  const chain = objectWith(value['chain'], ['chain_id', 'contract'], 'chain')
  return {
    identityAuthorityKeys: readJwks(value['identity_authority_keys']),
    enterpriseCa: textAt(value, 'enterprise_ca', 65_536),
    hubs: listAt(value, 'hubs', 64).map(readHub),
    chainId: integerAt(chain, 'chain_id', 1, MAX_SAFE),
    contract: matchingAt(chain, 'contract', ADDRESS).toLowerCase(),
    rpId: textAt(value, 'rp_id'),
    origin: textAt(value, 'origin'),
    agencies: present.includes('agencies') ? readAgencies(value['agencies']) : new Map(),
  }
}

/** The signing keys of all trusted hubs. */
export function hubKeys(trust: TrustAnchors): Keys {
  return new Map(trust.hubs.flatMap((hub) => [...hub.signingKeys]))
}

function readHub(raw: Json): TrustedHub {
  const value = objectWith(raw, ['chain_address', 'log_vkey', 'origin', 'signing_keys'], 'hub')
  return {
    origin: textAt(value, 'origin'),
    signingKeys: readJwks(value['signing_keys']),
    logVkey: textAt(value, 'log_vkey', 512),
    chainAddress: matchingAt(value, 'chain_address', ADDRESS).toLowerCase(),
  }
}

function readAgencies(raw: Json | undefined): Map<string, Keys> {
  if (!isObject(raw) || Object.keys(raw).length > MAX_AGENCIES) throw malformed('agencies')
  return new Map(Object.entries(raw).map(([id, item]) => [id, readAgency(id, item)]))
}

function readAgency(id: string, raw: Json): Keys {
  if (!AGENCY.test(id)) throw malformed('agencies')
  const value = objectWith(raw, ['sealing_keys', 'signing_keys'], 'agency')
  checkSealingKeys(value, 'sealing_keys')
  return readJwks(value['signing_keys'])
}

/** Sealing keys open nothing here, but a trust file that is wrong anywhere is wrong. */
function checkSealingKeys(holder: JsonObject, key: string): void {
  for (const item of listAt(holder, key, 16)) {
    const value = objectWith(item, ['public_key', 'suite'], 'sealing key')
    const size = SEALING_BYTES[textAt(value, 'suite')]
    if (size === undefined) throw new Refused('封装套件未知', 'an unknown suite')
    const data = bytesAt(value, 'public_key', size)
    if (size === SEALING_BYTES['xwing'] && !isMlKemKey(data.subarray(0, 1184))) throw malformed('public_key')
  }
}

/** FIPS 203 section 7.2: every 12-bit coefficient before the 32-byte seed is below q. */
function isMlKemKey(data: Uint8Array): boolean {
  for (let at = 0; at < data.length - 32; at += 3) {
    const [low, middle, high] = [data[at]!, data[at + 1]!, data[at + 2]!]
    if ((low | ((middle & 0x0f) << 8)) >= 3329 || ((middle >> 4) | (high << 4)) >= 3329) return false
  }
  return true
}
