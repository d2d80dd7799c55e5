/** Delegations: who may consent for somebody else. A chain leads from the subject of the data to whoever consents. */

import { sha256 } from '@noble/hashes/sha2.js'
import { decodeBase64Url, encodeBase64Url, equal, toNumber } from './bytes'
import { verifyCertificate } from './certificate'
import { recover } from './chain'
import { verifyJws } from './jose'
import { canonicalise, isObject, same, type Json, type JsonObject } from './json'
import { require } from './outcome'
import { readAssertion, verifyAssertion, verifyBinding, type Assertion } from './person'
import { bytesAt, integerAt, listAt, malformed, matchingAt, NAME, objectWith, textAt } from './strict'
import { parseTime } from './time'
import type { TrustAnchors } from './trust'

type Proof =
  | { readonly basis: 'PERSON'; readonly binding: string; readonly assertion: Assertion }
  | { readonly basis: 'COMPANY'; readonly certificate: string; readonly signature: Uint8Array }
  | { readonly basis: 'GUARDIAN'; readonly token: string }

interface Link {
  readonly basis: string
  readonly delegator: string
  readonly delegate: string
  readonly grants: readonly string[]
  readonly purposes: readonly string[]
  readonly validFrom: number
  readonly validUntil: number
  readonly depth: number
  readonly parent: Uint8Array | undefined
  readonly sha256: Uint8Array
  readonly proof: Proof
}

/** What a consent that somebody else signs has to be covered by. */
export interface Scope {
  readonly subject: string
  readonly delegate: string
  readonly grants: readonly string[]
  readonly purpose: string
  readonly validUntil: number
}

const KEYS = [
  'basis', 'delegate', 'delegator', 'depth', 'grants', 'id', 'identity_commitment', 'parent', 'purposes',
  'type', 'valid_from', 'valid_until',
]
const MAX_DEPTH = 3
const MAX_TOKEN_CHARS = 16_384

/** The chain of 1 to 3 links, not verified yet. */
export function readChain(holder: JsonObject): readonly Link[] {
  return listAt(holder, 'delegation', MAX_DEPTH, 1).map(readLink)
}

/** Check every proof, validity at this instant, narrowing, depth, and that the last link covers the consent. */
export function verifyChain(links: readonly Link[], scope: Scope, trust: TrustAnchors, at: number): void {
  require(links.length > 0, '没有委托', 'no delegation')
  let delegator = scope.subject
  let earlier: Link | undefined
  for (const link of links) {
    checkLink(link, delegator, earlier, at)
    checkProof(link, trust, at)
    delegator = link.delegate
    earlier = link
  }
  require(delegator === scope.delegate, '委托链止于另一人', 'the chain ends at somebody else')
  const last = links[links.length - 1]!
  const covered = scope.grants.every((grant) => last.grants.includes(grant)) && last.purposes.includes(scope.purpose)
  require(covered, '授权超出委托范围', 'the consent is for more than was delegated')
  require(scope.validUntil <= last.validUntil, '授权的期限超过委托', 'the consent would outlive the delegation')
}

function checkLink(link: Link, delegator: string, earlier: Link | undefined, at: number): void {
  require(link.delegator === delegator, '委托出自另一人', 'a delegation made by somebody else')
  require(link.delegate !== link.delegator, '不能委托给自己', 'nobody is their own delegate')
  const parent = earlier?.sha256
  const follows = parent === undefined || link.parent === undefined ? parent === link.parent : equal(link.parent, parent)
  require(follows, '委托接的是另一条链', 'a delegation continues another chain')
  if (earlier !== undefined) {
    require(narrows(link, earlier), '转委托扩大了范围', 'a delegation widens the one before it')
    require(link.basis === 'PERSON', '只有受托人可以转委托', 'only a delegate passes a delegation on')
  }
  require(link.validFrom <= at && at < link.validUntil, '委托当时无效', 'a delegation was not valid then')
}

function narrows(link: Link, earlier: Link): boolean {
  return (
    link.grants.every((grant) => earlier.grants.includes(grant)) &&
    link.purposes.every((purpose) => earlier.purposes.includes(purpose)) &&
    earlier.validFrom <= link.validFrom && link.validUntil <= earlier.validUntil && link.depth < earlier.depth
  )
}

function checkProof(link: Link, trust: TrustAnchors, at: number): void {
  const { proof } = link
  require(proof.basis === link.basis, '证明与委托依据不符', 'the proof does not fit the basis')
  if (proof.basis === 'PERSON') {
    const bound = verifyBinding(proof.binding, trust, at)
    require(bound.subject === link.delegator, '委托由另一人的设备签名', "signed by somebody else's device")
    verifyAssertion(proof.assertion, bound.deviceKey, link.sha256, trust)
  } else if (proof.basis === 'COMPANY') {
    const enterprise = verifyCertificate(proof.certificate, trust.enterpriseCa, at)
    require(enterprise.uscc === link.delegator, '委托由另一家企业签名', 'signed by another company')
    require(equal(signerOf(link.sha256, proof.signature), enterprise.key), '企业签名错误', 'signed by another key')
  } else {
    const claims = verifyJws(proof.token, trust.identityAuthorityKeys, 'huilian-guardianship+jwt')
    const expected = { statement_sha256: encodeBase64Url(link.sha256) }
    require(same(claims, expected), '身份认证机构签的是别的内容', 'the authority signed something else')
  }
}

function signerOf(digest: Uint8Array, signature: Uint8Array): Uint8Array {
  const v = signature[64]
  if (signature.length !== 65 || (v !== 27 && v !== 28)) throw malformed('signature')
  return recover(digest, toNumber(signature.subarray(0, 32)), toNumber(signature.subarray(32, 64)), v === 28)
}

function readLink(raw: Json): Link {
  const link = objectWith(raw, ['proof', 'statement'], 'link')
  const value = objectWith(link['statement'], KEYS, 'delegation')
  require(value['type'] === 'huilian-delegation/v1', '委托书版本未知', 'a delegation of another type')
  matchingAt(value, 'id', NAME)
  const basis = matchingAt(value, 'basis', /^(PERSON|COMPANY|GUARDIAN)$/)
  const committed = value['identity_commitment'] !== null
  if (committed) bytesAt(value, 'identity_commitment', 32)
  require((basis === 'GUARDIAN') === committed, '只有监护声明写明被监护人', "exactly a guardian's statement says who the child is")
  return {
    basis,
    delegator: matchingAt(value, 'delegator', NAME),
    delegate: matchingAt(value, 'delegate', NAME),
    grants: namesAt(value, 'grants', 32),
    purposes: namesAt(value, 'purposes', 16),
    validFrom: parseTime(value['valid_from']),
    validUntil: parseTime(value['valid_until']),
    depth: integerAt(value, 'depth', 1, MAX_DEPTH),
    parent: value['parent'] === null ? undefined : bytesAt(value, 'parent', 32),
    sha256: sha256(canonicalise(value)),
    proof: readProof(link['proof']),
  }
}

function namesAt(value: JsonObject, key: string, most: number): string[] {
  return listAt(value, key, most, 1).map((name, at, names) => {
    const before = names[at - 1]
    if (typeof name !== 'string' || !NAME.test(name) || (typeof before === 'string' && before >= name)) throw malformed(key)
    return name
  })
}

function readProof(raw: Json | undefined): Proof {
  if (!isObject(raw)) throw malformed('proof')
  if ('assertion' in raw) {
    const value = objectWith(raw, ['assertion', 'binding'], 'proof')
    return { basis: 'PERSON', binding: textAt(value, 'binding', MAX_TOKEN_CHARS), assertion: readAssertion(value['assertion']) }
  }
  if ('certificate' in raw) {
    const value = objectWith(raw, ['certificate', 'signature'], 'proof')
    const signature = decodeBase64Url(textAt(value, 'signature'))
    return { basis: 'COMPANY', certificate: textAt(value, 'certificate', MAX_TOKEN_CHARS), signature }
  }
  return { basis: 'GUARDIAN', token: textAt(objectWith(raw, ['token'], 'proof'), 'token', MAX_TOKEN_CHARS) }
}
