/** Words for what loans and offers of other terms say in codes. */

import type { Text } from '../preferences'

export const LOAN_STATES: Readonly<Record<string, Text>> = {
  ACTIVE: { zh: '正常', en: 'running' },
  OVERDUE: { zh: '逾期', en: 'overdue' },
  RECOURSE: { zh: '追索中', en: 'in recourse' },
  CHARGED_OFF: { zh: '已核销', en: 'charged off' },
  BOUGHT_BACK: { zh: '已回购', en: 'bought back' },
  CLOSED: { zh: '已结清', en: 'closed' },
}

const LATE = ['OVERDUE', 'RECOURSE', 'CHARGED_OFF']

export function isLate(state: string): boolean {
  return LATE.includes(state)
}

export const OFFER_STATES: Readonly<Record<string, Text>> = {
  OFFERED: { zh: '待签署', en: 'to be signed' },
  SIGNED: { zh: '已签署生效', en: 'signed and in force' },
  REPLACED: { zh: '已被新方案取代', en: 'another offer took its place' },
  EXPIRED: { zh: '已过期', en: 'ran out' },
}

export const PLANS: Readonly<Record<string, Text>> = {
  bullet: { zh: '到期一次还本付息', en: 'all at the end' },
  equal_instalment: { zh: '等额本息', en: 'equal instalments' },
  equal_principal: { zh: '等额本金', en: 'equal principal' },
  interest_only: { zh: '按期付息、到期还本', en: 'interest only, principal at the end' },
}
