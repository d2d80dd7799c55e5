/** A core enterprise's confirmation of a receivable: EIP-712 typed data, signed by the enterprise's certified key. */

import { keccak_256 } from '@noble/hashes/sha3.js'
import { bytesAt, integerAt, malformed, matchingAt, MAX_SAFE, objectWith, textAt, ADDRESS } from './strict'
import { concat, equal, fromHex, toNumber, utf8 } from './bytes'
import { verifyCertificate, type Enterprise } from './certificate'
import { recover } from './chain'
import type { Json, JsonObject } from './json'
import { require } from './outcome'
import { formatTime, instant, parseTime } from './time'

const DOMAIN_TYPE = 'EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)'
const MESSAGE_TYPE =
  'ReceivableConfirmation(string receivableId,string invoiceId,string buyerUscc,string supplierUscc,' +
  'uint256 amountFen,string currency,string dueDate,bytes32 evidenceHash,uint64 confirmedAt)'
const KEYS = [
  'amountFen', 'buyerUscc', 'chainId', 'confirmedAt', 'currency', 'dueDate',
  'evidenceHash', 'invoiceId', 'receivableId', 'supplierUscc', 'verifyingContract',
]

/** A confirmation whose members were read strictly; `json` is what was read. */
export interface Confirmation {
  readonly json: JsonObject
  readonly chainId: number
  readonly contract: string
  readonly buyerUscc: string
  readonly confirmedAt: number
  readonly digest: Uint8Array
}

export function readConfirmation(raw: Json | undefined): Confirmation {
  const json = objectWith(raw, KEYS, 'confirmation')
  const contract = matchingAt(json, 'verifyingContract', ADDRESS)
  const chainId = integerAt(json, 'chainId', 1, MAX_SAFE)
  const confirmedAt = integerAt(json, 'confirmedAt', 0, MAX_SAFE)
  const domain = concat(
    hash(DOMAIN_TYPE), hash('Huilian'), hash('1'), word(chainId), new Uint8Array(12), fromHex(contract.slice(2)),
  )
  const message = concat(
    hash(MESSAGE_TYPE),
    ...['receivableId', 'invoiceId', 'buyerUscc', 'supplierUscc'].map((key) => hash(textAt(json, key))),
    word(integerAt(json, 'amountFen', 1, MAX_SAFE)),
    hash(matchingAt(json, 'currency', /^[A-Z]{3}$/)),
    hash(dateAt(json, 'dueDate')),
    bytesAt(json, 'evidenceHash', 32),
    word(confirmedAt),
  )
  const digest = keccak_256(concat(Uint8Array.of(0x19, 0x01), keccak_256(domain), keccak_256(message)))
  return { json, chainId, contract: contract.toLowerCase(), buyerUscc: textAt(json, 'buyerUscc'), confirmedAt, digest }
}

/** The buyer, whose certificate was valid at the time of confirmation and whose key signed. */
export function verifyConfirmation(
  message: Confirmation, signature: Uint8Array, certificatePem: string, caPem: string,
): Enterprise {
  const enterprise = verifyCertificate(certificatePem, caPem, instant(message.confirmedAt))
  require(enterprise.uscc === message.buyerUscc, '证书不是买方的', "the certificate is not the buyer's")
  const v = signature[64]
  if (signature.length !== 65 || (v !== 27 && v !== 28)) throw malformed('EIP-712 signature')
  const [r, s] = [toNumber(signature.subarray(0, 32)), toNumber(signature.subarray(32, 64))]
  const signer = recover(message.digest, r, s, v === 28)
  require(equal(signer, enterprise.key), '确权签名不是证书中密钥所签', 'the confirmation was signed by another key')
  return enterprise
}

function dateAt(value: JsonObject, key: string): string {
  const date = matchingAt(value, key, /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/)
  formatTime(parseTime(`${date}T00:00:00Z`))
  return date
}

function hash(text: string): Uint8Array {
  return keccak_256(utf8(text))
}

function word(number: number): Uint8Array {
  return fromHex(number.toString(16).padStart(64, '0'))
}
