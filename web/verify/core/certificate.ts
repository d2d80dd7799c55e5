/**
 * An enterprise's certificate (X.509, RFC 5280) over its secp256k1 key, signed directly by the pinned CA.
 *
 * The CA signs by ECDSA over P-256 with SHA-256; another algorithm is refused, not skipped.
 */

import { decodeBase64, encodeBase64, equal, toHex } from './bytes'
import { content, element, elements, inside, TAG, type Element } from './der'
import { verifyEs256Der } from './jose'
import { Refused, require } from './outcome'
import { malformed } from './strict'

export interface Enterprise {
  readonly uscc: string
  readonly name: string
  /** Uncompressed secp256k1 point. */
  readonly key: Uint8Array
}

interface Certificate {
  readonly signed: Uint8Array
  readonly algorithm: Uint8Array
  readonly signature: Uint8Array
  readonly issuer: Uint8Array
  readonly subject: Element
  readonly from: number
  readonly until: number
  readonly curve: string
  readonly point: Uint8Array
  readonly extensions: ReadonlyMap<string, Uint8Array>
}

// Object identifiers by the hexadecimal form of their DER content.
const OID = {
  ecdsaWithSha256: '2a8648ce3d040302',
  ecPublicKey: '2a8648ce3d0201',
  p256: '2a8648ce3d030107',
  secp256k1: '2b8104000a',
  commonName: '550403',
  serialNumber: '550405',
  keyUsage: '551d0f',
  basicConstraints: '551d13',
} as const
const USCC = /^[0-9A-HJ-NPQRTUWXY]{18}$/
const MAX_PEM_CHARS = 65_536
const PEM_END = '-----END CERTIFICATE-----\n'
const NON_REPUDIATION = 0x40

/** The enterprise that a pinned CA certified for this instant (seconds since the epoch); `caPem` may hold several. */
export function verifyCertificate(pem: string, caPem: string, at: number): Enterprise {
  const der = decodePem(pem)
  require(encodePem(der) === pem, '企业证书的 PEM 不是规范写法', "the certificate's PEM is not in its canonical spelling")
  const certificate = parse(der)
  checkIssuedByOne(certificate, blocks(caPem), at)
  return identity(certificate)
}

/** One of the CAs issued it for this instant; else what is wrong under the first one. */
function checkIssuedByOne(certificate: Certificate, authorities: string[], at: number): void {
  let first: unknown = new Refused('信任锚中没有 CA', 'no CA is pinned')
  for (const [number, pem] of authorities.entries()) {
    try {
      checkIssuer(certificate, parse(decodePem(pem)), at)
      return
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      if (number === 0) first = error
    }
  }
  throw first
}

/** PEM blocks, each with its end; what follows the last one is a block too, and a wrong one. */
function blocks(pem: string): string[] {
  const parts = pem.split(PEM_END)
  const rest = parts.pop()!
  return [...parts.map((part) => part + PEM_END), ...(rest === '' ? [] : [rest])]
}

function checkIssuer(certificate: Certificate, authority: Certificate, at: number): void {
  checkIssued(certificate, authority)
  for (const { from, until } of [certificate, authority]) {
    require(from <= at && at <= until, '企业证书在该时间无效', 'the certificate is not valid at this time')
  }
  require(isAuthority(authority), '签发者不是 CA', 'the issuer is no CA')
  require(!isAuthority(certificate), 'CA 证书不能用于确权', "a CA's certificate confirms nothing")
  const usage = content(element(extension(certificate, OID.keyUsage), TAG.bitString), TAG.bitString)
  require(((usage[1] ?? 0) & NON_REPUDIATION) !== 0, '该密钥不可用于签署内容', 'the key may not commit to content')
}

function checkIssued(certificate: Certificate, authority: Certificate): void {
  require(
    equal(certificate.issuer, authority.subject.whole),
    '企业证书不是信任锚中的 CA 签发的',
    'the certificate was not issued by the pinned CA',
  )
  const known = equal(certificate.algorithm, ECDSA_WITH_SHA256) && authority.curve === OID.p256
  require(known, 'CA 的签名算法不受支持', "the CA's signature algorithm is not supported")
  const valid = verifyEs256Der(certificate.signature, certificate.signed, authority.point)
  require(valid, '企业证书的 CA 签名错误', 'the certificate is not signed by the CA')
}

// SEQUENCE { ecdsa-with-SHA256 }; RFC 5758 section 3.2 has no parameters.
const ECDSA_WITH_SHA256 = Uint8Array.from([0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02])

function identity(certificate: Certificate): Enterprise {
  require(certificate.curve === OID.secp256k1, '企业密钥不是 secp256k1', 'not a secp256k1 key')
  const uscc = attribute(certificate.subject, OID.serialNumber)
  require(USCC.test(uscc), '证书主体没有统一社会信用代码', 'no USCC in the subject')
  return { uscc, name: attribute(certificate.subject, OID.commonName), key: certificate.point }
}

function attribute(name: Element, oid: string): string {
  const pairs = elements(name.content).flatMap((set) => inside(set, TAG.set)).map((pair) => inside(pair, TAG.sequence))
  const found = pairs.filter(([type]) => toHex(content(type, TAG.oid)) === oid)
  if (found.length !== 1) throw new Refused('证书主体有歧义', 'the subject is ambiguous')
  return new TextDecoder().decode(found[0]![1]?.content)
}

function isAuthority(certificate: Certificate): boolean {
  const [flag] = inside(element(extension(certificate, OID.basicConstraints), TAG.sequence), TAG.sequence)
  return flag?.tag === TAG.boolean && flag.content[0] === 0xff
}

function extension(certificate: Certificate, oid: string): Uint8Array {
  const value = certificate.extensions.get(oid)
  if (value === undefined) throw new Refused('证书缺少必要的扩展', 'the certificate lacks an extension')
  return value
}

function parse(der: Uint8Array): Certificate {
  const [tbs, algorithm, signature, ...more] = inside(element(der, TAG.sequence), TAG.sequence)
  const fields = inside(tbs, TAG.sequence)
  // [0] version, serial, algorithm, issuer, validity, subject, key; version 3 is stated, and unique ids are not used.
  const [, , inner, issuer, validity, subject, key] = fields
  if (more.length > 0 || !inner || !algorithm || !equal(inner.whole, algorithm.whole)) throw malformed('X.509')
  const [from, until] = inside(validity, TAG.sequence).map(readTime)
  if (from === undefined || until === undefined || !issuer || !subject) throw malformed('X.509')
  return {
    from, until, subject,
    ...readKey(key),
    signed: tbs!.whole,
    algorithm: algorithm.whole,
    signature: bits(signature),
    issuer: issuer.whole,
    extensions: readExtensions(fields.find(({ tag }) => tag === TAG.extensions)),
  }
}

function readKey(key: Element | undefined): { curve: string; point: Uint8Array } {
  const [algorithm, point] = inside(key, TAG.sequence)
  const [type, curve] = inside(algorithm, TAG.sequence)
  if (toHex(content(type, TAG.oid)) !== OID.ecPublicKey) throw new Refused('不是椭圆曲线密钥', 'not an elliptic-curve key')
  return { curve: toHex(content(curve, TAG.oid)), point: bits(point) }
}

/** The bytes of a bit string with no unused bits. */
function bits(item: Element | undefined): Uint8Array {
  const data = content(item, TAG.bitString)
  if (data[0] !== 0) throw malformed('DER')
  return data.subarray(1)
}

function readExtensions(wrapper: Element | undefined): Map<string, Uint8Array> {
  const list = wrapper === undefined ? [] : inside(element(wrapper.content, TAG.sequence), TAG.sequence)
  const found = list.map((item): [string, Uint8Array] => {
    const parts = inside(item, TAG.sequence)
    return [toHex(content(parts[0], TAG.oid)), content(parts.at(-1), TAG.octetString)]
  })
  const byId = new Map(found)
  if (byId.size !== found.length) throw new Refused('证书扩展重复', 'an extension stands twice')
  return byId
}

/** Seconds since the epoch of UTCTime (1950 to 2049) or GeneralizedTime. */
function readTime(item: Element): number {
  const digits = new TextDecoder().decode(item.content)
  const century = digits < '5' ? '20' : '19'
  const full = item.tag === TAG.utcTime && digits.length === 13 ? century + digits : digits
  const found = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(full)
  if (found === null || (item.tag !== TAG.utcTime && item.tag !== TAG.generalizedTime)) throw malformed('X.509 time')
  const [, year, month, day, hour, minute, second] = found
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  if (Number.isNaN(ms)) throw malformed('X.509 time')
  return ms / 1000
}

function decodePem(pem: string): Uint8Array {
  const found = /-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+?)\s+-----END CERTIFICATE-----/.exec(pem)
  if (pem.length > MAX_PEM_CHARS || found === null) throw malformed('PEM')
  return decodeBase64(found[1]!.replace(/\s/g, ''))
}

/** Lines of 64 characters (RFC 7468). */
function encodePem(der: Uint8Array): string {
  const lines = encodeBase64(der).match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
