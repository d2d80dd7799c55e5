/** Trust anchors: the keys that a verifier pins, so that no hub has to be believed. */

import { readJwks, type Keys } from './jose'
import { isObject, parseJson, type Json, type JsonObject } from './json'
import { Refused } from './outcome'
import { ADDRESS, bytesAt, integerAt, listAt, malformed, matchingAt, MAX_SAFE, objectWith, textAt } from './strict'

export interface TrustedHub {
  readonly origin: string
  readonly signingKeys: Keys
  /** The name under which the log signs. */
  readonly logName: string
  /** Every set of keys that signs or signed the log's checkpoints. */
  readonly epochs: readonly TrustedEpoch[]
  readonly witnesses: TrustedWitnesses
  /** The hub's account on the chain, and those before it. */
  readonly chainAddresses: readonly string[]
  /** Between which blocks an account signed; `until` is the first block after, null for the present one. */
  readonly chainEpochs: readonly { readonly address: string; readonly from: number; readonly until: number | null }[]
}

/** Keys in C2SP form, read when a checkpoint is checked. All of them sign, up to a size once they are retired. */
export interface TrustedEpoch {
  readonly vkeys: readonly string[]
  readonly until: number | null
}

/** Whose cosignatures count, and how many are needed. */
export interface TrustedWitnesses {
  readonly atLeast: number
  readonly vkeys: readonly string[]
}

export interface Chain {
  readonly chainId: number
  readonly contract: string
}

export interface TrustAnchors {
  readonly identityAuthorityKeys: Keys
  /** PEM; read when a certificate is checked. */
  readonly enterpriseCa: string
  readonly hubs: readonly TrustedHub[]
  /** The chain and contract where roots and claims are kept, and those before. */
  readonly chains: readonly Chain[]
  readonly rpId: string
  readonly origin: string
  /** The signing keys of the agencies' edges by the agency's id; may be empty. */
  readonly agencies: ReadonlyMap<string, Keys>
}

const KEYS = ['chain', 'enterprise_ca', 'hubs', 'identity_authority_keys', 'origin', 'rp_id']
const OPTIONAL = ['agencies', 'chains_before', 'identity_authority_sealing_keys', 'recipients']
const HUB_KEYS = ['chain_address', 'log_vkey', 'origin', 'signing_keys']
const HUB_OPTIONAL = ['chain_addresses_before', 'chain_epochs', 'log_epochs', 'witness_vkey', 'witnesses']
const MAX_EPOCHS = 64
const MAX_WITNESSES = 64
const MAX_VKEY_CHARS = 4_096
const AGENCY = /^[a-z_]{3,64}$/
const MAX_AGENCIES = 1_024
/** Bytes of a public sealing key by suite. */
const SEALING_BYTES: Readonly<Record<string, number>> = { xwing: 1216, x25519: 32, sm: 65 }

export function parseTrustAnchors(data: Uint8Array): TrustAnchors {
  const raw = parseJson(data)
  const present = isObject(raw) ? OPTIONAL.filter((key) => key in raw) : []
  const value = objectWith(raw, [...KEYS, ...present], 'trust anchors')
  if (present.includes('identity_authority_sealing_keys')) checkSealingKeys(value, 'identity_authority_sealing_keys')
  if (present.includes('recipients')) checkRecipients(value['recipients'])
  const chainsBefore = present.includes('chains_before') ? listAt(value, 'chains_before', MAX_EPOCHS) : []
  return {
    identityAuthorityKeys: readJwks(value['identity_authority_keys']),
    enterpriseCa: textAt(value, 'enterprise_ca', 65_536),
    hubs: listAt(value, 'hubs', 64).map(readHub),
    chains: [value['chain'], ...chainsBefore].map(readChain),
    rpId: textAt(value, 'rp_id'),
    origin: textAt(value, 'origin'),
    agencies: present.includes('agencies') ? readAgencies(value['agencies']) : new Map(),
  }
}

/** The signing keys of all trusted hubs. */
export function hubKeys(trust: TrustAnchors): Keys {
  return new Map(trust.hubs.flatMap((hub) => [...hub.signingKeys]))
}

/** Whether roots and claims are, or once were, kept in this contract on this chain. */
export function knowsChain(trust: TrustAnchors, chainId: number, contract: string): boolean {
  return trust.chains.some((chain) => chain.chainId === chainId && chain.contract === contract)
}

function readChain(raw: Json | undefined): Chain {
  const chain = objectWith(raw, ['chain_id', 'contract'], 'chain')
  return {
    chainId: integerAt(chain, 'chain_id', 1, MAX_SAFE),
    contract: matchingAt(chain, 'contract', ADDRESS).toLowerCase(),
  }
}

function readHub(raw: Json): TrustedHub {
  const present = isObject(raw) ? HUB_OPTIONAL.filter((key) => key in raw) : []
  const value = objectWith(raw, [...HUB_KEYS, ...present], 'hub')
  const origin = textAt(value, 'origin')
  // By this key the hub cosigns others' logs; whose cosignatures count stands in `witnesses`.
  if (present.includes('witness_vkey')) textAt(value, 'witness_vkey', 512)
  const logVkey = textAt(value, 'log_vkey', 512)
  return {
    origin,
    signingKeys: readJwks(value['signing_keys']),
    logName: logVkey.split('+')[0]!,
    epochs: readEpochs(value, logVkey),
    witnesses: present.includes('witnesses') ? readWitnesses(value['witnesses'], origin) : { atLeast: 0, vkeys: [] },
    chainAddresses: [
      matchingAt(value, 'chain_address', ADDRESS).toLowerCase(),
      ...(present.includes('chain_addresses_before') ? readAddresses(value) : []),
    ],
    chainEpochs: present.includes('chain_epochs') ? listAt(value, 'chain_epochs', MAX_EPOCHS).map(readChainEpoch) : [],
  }
}

/** Whether this was the hub's account in a block; where no epoch names it, whether it ever was. */
export function owned(hub: TrustedHub, address: string, block: number): boolean {
  const spans = hub.chainEpochs.filter((epoch) => epoch.address === address)
  if (spans.length === 0) return hub.chainAddresses.includes(address)
  return spans.some(({ from, until }) => from <= block && (until === null || block < until))
}

function readChainEpoch(raw: Json): TrustedHub['chainEpochs'][number] {
  const value = objectWith(raw, ['address', 'from_block', 'until_block'], 'chain epoch')
  return {
    address: matchingAt(value, 'address', ADDRESS).toLowerCase(),
    from: integerAt(value, 'from_block', 0, MAX_SAFE),
    until: value['until_block'] === null ? null : integerAt(value, 'until_block', 0, MAX_SAFE),
  }
}

/** A hub that states no epochs, or none at all in its list, has one key. */
function readEpochs(hub: JsonObject, logVkey: string): TrustedEpoch[] {
  const stated = 'log_epochs' in hub ? listAt(hub, 'log_epochs', MAX_EPOCHS).map(readEpoch) : []
  const epochs = stated.length > 0 ? stated : [{ vkeys: [logVkey], until: null }]
  if (!epochs.some(({ vkeys }) => vkeys.includes(logVkey))) throw malformed('log_epochs')
  return epochs
}

function readEpoch(raw: Json): TrustedEpoch {
  const value = objectWith(raw, ['until_size', 'vkeys'], 'epoch')
  const until = value['until_size'] === null ? null : integerAt(value, 'until_size', 0, MAX_SAFE)
  return { vkeys: readVkeys(value, 1), until }
}

function readWitnesses(raw: Json | undefined, origin: string): TrustedWitnesses {
  const value = objectWith(raw, ['at_least', 'vkeys'], 'witnesses')
  const vkeys = readVkeys(value, 0)
  // A hub is no witness of its own log.
  if (vkeys.some((vkey) => vkey.split('+')[0]!.split('/')[0] === origin)) throw malformed('witnesses')
  return { atLeast: integerAt(value, 'at_least', 0, MAX_WITNESSES), vkeys }
}

function readVkeys(holder: JsonObject, least: number): string[] {
  return listAt(holder, 'vkeys', MAX_WITNESSES, least).map((vkey) => textAt({ vkey }, 'vkey', MAX_VKEY_CHARS))
}

function readAddresses(hub: JsonObject): string[] {
  const items = listAt(hub, 'chain_addresses_before', MAX_EPOCHS)
  return items.map((address) => matchingAt({ address }, 'address', ADDRESS).toLowerCase())
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

/** The roots of recipients vouch for sealing keys, which nobody opens here; still they must be keys. */
function checkRecipients(raw: Json | undefined): void {
  if (!isObject(raw) || Object.keys(raw).length > MAX_AGENCIES) throw malformed('recipients')
  Object.values(raw).forEach(readJwks)
}

/** Sealing keys open nothing here, but a trust file that is wrong anywhere is wrong. */
function checkSealingKeys(holder: JsonObject, key: string): void {
  for (const item of listAt(holder, key, 16)) {
    const value = objectWith(item, ['public_key', 'suite'], 'sealing key')
    const size = SEALING_BYTES[textAt(value, 'suite')]
    if (size === undefined) throw new Refused('封装套件未知', 'an unknown suite')
    const data = bytesAt(value, 'public_key', size)
    if (size === SEALING_BYTES['xwing'] && !isMlKemKey(data.subarray(0, 1184))) throw malformed('public_key')
    if (size === SEALING_BYTES['sm'] && !isSm2Key(data)) throw malformed('public_key')
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

const SM2_P = 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn
const SM2_B = 0x28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93n

/** GB/T 32918.5: an uncompressed point of y^2 = x^3 - 3x + b. */
function isSm2Key(data: Uint8Array): boolean {
  const [x, y] = [integerOf(data.subarray(1, 33)), integerOf(data.subarray(33))]
  return data[0] === 4 && x < SM2_P && y < SM2_P && (y * y - (x * x - 3n) * x - SM2_B) % SM2_P === 0n
}

function integerOf(data: Uint8Array): bigint {
  return data.reduce((value, byte) => value * 256n + BigInt(byte), 0n)
}
