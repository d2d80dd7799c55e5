/** What the page says, in Chinese and English. Reasons of single checks stand where they are checked. */

import type { Text } from '../shared/preferences'
import type { CheckName, Kind, ReceiptCheckName } from './core/outcome'

export const TITLE: Text = { zh: '惠链 · 离线核验', en: 'Huilian · offline verifier' }
export const INTRO: Text = {
  zh: '把回执（或内嵌回执的 PDF）、授权、授权终止回执、访问记录导出、凭证来源等文件，以及信任锚文件拖到下面。核验全部在本机完成，本页不联网，文件不会离开您的设备。',
  en: 'Drop a receipt (or the PDF that holds it), a consent, a termination receipt, an export of access records, a provenance or an equivocation, and the trust-anchors file below. Everything is checked on this device: the page has no network access and no file leaves it.',
}
export const DROP: Text = { zh: '把文件拖到这里，或', en: 'Drop files here, or' }
export const CHOOSE: Text = { zh: '选择文件', en: 'Choose files' }
export const FORGET: Text = { zh: '清空', en: 'Clear' }
export const RESULTS: Text = { zh: '核验结果', en: 'Results' }
export const ANCHORS: Text = { zh: '信任锚', en: 'Trust anchors' }
export const NO_ANCHORS: Text = {
  zh: '还没有信任锚文件。请从您信任的渠道取得 trust-anchors.json 并放进来；不要使用别人随回执一起发来的。',
  en: 'No trust-anchors file yet. Get trust-anchors.json from a source that you trust and add it; do not use one that came along with the receipt.',
}
export const WAITING: Text = { zh: '等待信任锚文件', en: 'Waiting for the trust anchors' }
export const COMPARE: Text = {
  zh: '请与公布的指纹核对（SHA-256）：',
  en: 'Compare this fingerprint (SHA-256) with the published one:',
}
export const PASSED: Text = { zh: '核验通过', en: 'Verified' }
export const FAILED: Text = { zh: '核验未通过', en: 'NOT verified' }
export const HOLDS: Text = { zh: '通过', en: 'holds' }
export const BROKEN: Text = { zh: '不通过', en: 'fails' }
export const TOO_LARGE: Text = { zh: '文件过大，未读取', en: 'too large, not read' }

export const EXPECTED: Text = {
  zh: '二维码指向一份回执，其 SHA-256 见下。请放入该 PDF，或其内嵌的 receipt.json。',
  en: 'The QR code names a receipt by the SHA-256 below. Add the PDF, or the receipt.json that is embedded in it.',
}
export const SAME_AS_PRINTED: Text = { zh: '这正是二维码所指的回执', en: 'This is the receipt that the QR code names' }
export const OTHER_THAN_PRINTED: Text = {
  zh: '这不是二维码所指的回执',
  en: 'This is not the receipt that the QR code names',
}

export const KINDS: Readonly<Record<Kind, Text>> = {
  receipt: { zh: '回执', en: 'receipt' },
  consent: { zh: '授权', en: 'consent' },
  termination: { zh: '授权终止回执', en: 'termination receipt' },
  'access export': { zh: '访问记录导出', en: 'export of access records' },
  provenance: { zh: '凭证来源', en: 'provenance of a certificate' },
  equivocation: { zh: '日志自相矛盾的证明', en: 'proof that a log showed two histories' },
  unknown: { zh: '未知文件', en: 'unknown file' },
}

const RECEIPT_CHECKS: Readonly<Record<ReceiptCheckName, Text>> = {
  'form and signature': { zh: '格式与签名', en: 'Form and signature' },
  'issuing hub': { zh: '签发平台', en: 'Issuing hub' },
  record: { zh: '记录', en: 'Record' },
  'inclusion in the log': { zh: '已入日志', en: 'Inclusion in the log' },
  checkpoint: { zh: '日志检查点', en: 'Checkpoint' },
  witnesses: { zh: '见证方共同签名', en: 'Witnesses' },
  'anchor on the chain': { zh: '链上锚定', en: 'Anchor on the chain' },
  evidence: { zh: '证据', en: 'Evidence' },
}

type OfReceipt = ReceiptCheckName | `statement: ${ReceiptCheckName}` | `step ${number}: ${ReceiptCheckName}`

const OTHER_CHECKS: Readonly<Record<Exclude<CheckName, OfReceipt>, Text>> = {
  form: { zh: '文件格式', en: 'Form' },
  consent: { zh: '授权', en: 'Consent' },
  termination: { zh: '授权终止', en: 'Termination' },
  'statement of the period': { zh: '期间声明', en: 'Statement of the period' },
  'no record missing': { zh: '记录无缺失', en: 'No record missing' },
  'every record commits to the one before': { zh: '记录首尾相接', en: 'Every record commits to the one before' },
  'the period was not cut short': { zh: '期间未被截短', en: 'The period was not cut short' },
  'every record in the log before the statement': { zh: '记录在声明之前入日志', en: 'Every record in the log before the statement' },
  'evidence of the records': { zh: '各条记录的证据', en: 'Evidence of the records' },
  'counts by the edges': { zh: '数据源边缘的计数', en: 'Counts by the edges' },
  'one log': { zh: '出自同一日志', en: 'One log' },
  chain: { zh: '来源链条', en: 'Chain' },
  'both checkpoints': { zh: '两个检查点', en: 'Both checkpoints' },
  contradiction: { zh: '矛盾之处', en: 'Contradiction' },
}

/** The name of a check; those of a receipt inside another file say whose they are. */
export function checkText(name: CheckName): Text {
  const [, whose, step, inner] = /^(statement|step ([0-9]+)): (.*)$/.exec(name) ?? []
  if (whose === undefined) return { ...RECEIPT_CHECKS, ...OTHER_CHECKS }[name as keyof typeof OTHER_CHECKS]
  const { zh, en } = RECEIPT_CHECKS[inner as ReceiptCheckName]
  return step === undefined ? { zh: `声明的${zh}`, en: `Statement: ${en}` } : { zh: `第 ${step} 步的${zh}`, en: `Step ${step}: ${en}` }
}

export const MEANING: Text = { zh: '核验通过说明什么、不说明什么', en: 'What a verified file proves, and what not' }
export const PROVES: Text = {
  zh: '说明：这条记录在平台的日志里，日志密钥签过包含它的状态，平台的链上账户签过写明同一个根的交易；确权由买方经认证的企业密钥签署，授权与合同由本人绑定的设备签署。',
  en: "It proves: the record is in the hub's log, whose key signed a state that contains it; the hub's chain account signed a transaction with the same root; a confirmation was signed by the buyer's certified key, a consent or contract by the person's own bound device.",
}
export const PROVES_NOT: Text = {
  zh: '不说明：交易确实在所称的区块里（可向任一链节点查询）；授权之后是否被撤回（由数据源边缘随时执行）。',
  en: 'It does not prove: that the transaction was mined in the stated block (any node of the chain shows it); whether a consent was withdrawn later (the edge enforces that).',
}
