/**
 * The text that is signed, made anew from what is shown (huilian_protocol/restructuring.py): a person's device signs
 * these terms and no others, whatever challenge the hub would like signed.
 */

import { encodeBase64Url } from '../../verify/core/bytes'
import { canonicalise } from '../../verify/core/json'
import { Refused } from '../api'
import type { Text } from '../preferences'
import type { Offer } from './offers'

const OTHER: Text = {
  zh: '方案原文与显示内容不一致，请勿签署，并联系银行。',
  en: 'What would be signed is not what is shown. Do not sign, and ask the bank.',
}

/** SHA-256 of the terms as they are shown. Throws `Refused` when the hub names another. */
export async function challengeOf(loanId: string, offer: Offer): Promise<Uint8Array<ArrayBuffer>> {
  const text = canonicalise({
    type: 'huilian-restructuring/v1',
    loan_id: loanId,
    number: offer.number,
    principal_fen: offer.principal_fen,
    currency: 'CNY',
    annual_rate: offer.annual_rate,
    due_date: offer.due_date,
    repayment: { ...offer.repayment },
    valid_until: offer.valid_until,
  })
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(text)))
  if (encodeBase64Url(digest) !== offer.challenge) throw new Refused(OTHER, 'ARTEFACT_INVALID')
  return digest
}
