/** Words for what notifications say in codes. */

import type { Text } from './preferences'

export const URGENCIES: Readonly<Record<string, Text>> = {
  INFO: { zh: '知悉', en: 'For your information' },
  ACTION: { zh: '待办', en: 'To do' },
  ALERT: { zh: '警示', en: 'Alert' },
}

export const OBJECTS: Readonly<Record<string, Text>> = {
  receivable: { zh: '应收账款', en: 'Receivable' },
  certificate: { zh: '电子债权凭证', en: 'Certificate' },
  loan: { zh: '贷款', en: 'Loan' },
  application: { zh: '申请', en: 'Application' },
  warning: { zh: '预警', en: 'Warning' },
  object: { zh: '标的', en: 'Object' },
  limit: { zh: '额度', en: 'Limit' },
  claim: { zh: '登记', en: 'Registration' },
  webhook: { zh: '通知地址', en: 'Webhook' },
}

export const FACTS: Readonly<Record<string, Text>> = {
  step: { zh: '步骤', en: 'Step' },
  days_overdue: { zh: '逾期天数', en: 'Days overdue' },
  due_date: { zh: '到期日', en: 'Due date' },
  due_on: { zh: '回购期限', en: 'Due on' },
  cause: { zh: '原因', en: 'Cause' },
  receivable_id: { zh: '应收账款', en: 'Receivable' },
  ground: { zh: '争议理由', en: 'Ground' },
  rule: { zh: '规则', en: 'Rule' },
  level: { zh: '级别', en: 'Level' },
  subject: { zh: '对象', en: 'Subject' },
  subject_kind: { zh: '对象类型', en: 'Kind of subject' },
  kind: { zh: '类型', en: 'Kind' },
  number: { zh: '方案序号', en: 'Number of the offer' },
  annual_rate: { zh: '年利率', en: 'Annual rate' },
  valid_until: { zh: '有效期至', en: 'Valid until' },
  freeze_id: { zh: '冻结编号', en: 'Freeze' },
  product_id: { zh: '产品', en: 'Product' },
  state: { zh: '结果', en: 'Result' },
  dimension: { zh: '额度类型', en: 'Kind of limit' },
}

export const VALUES: Readonly<Record<string, Text>> = {
  RED: { zh: '红色', en: 'red' },
  AMBER: { zh: '橙色', en: 'amber' },
  WATCH: { zh: '关注', en: 'watch' },
  BUYER: { zh: '核心企业', en: 'core enterprise' },
  SUPPLIER: { zh: '供应商', en: 'supplier' },
  GROUP: { zh: '集团', en: 'group' },
  CONNECTOR: { zh: '数据接口', en: 'connector' },
  APPROVED: { zh: '同意', en: 'approved' },
  REJECTED: { zh: '拒绝', en: 'rejected' },
  DISPUTED: { zh: '争议', en: 'disputed' },
  DILUTED: { zh: '减值', en: 'diluted' },
  QUALITY: { zh: '质量', en: 'quality' },
  QUANTITY: { zh: '数量', en: 'quantity' },
  NOT_DELIVERED: { zh: '未交货', en: 'not delivered' },
  PRICE: { zh: '价格', en: 'price' },
  NOT_REAL: { zh: '交易不真实', en: 'no real trade' },
  BUYER_NOTICE: { zh: '通知买方', en: 'notice to the buyer' },
  BORROWER_NOTICE: { zh: '通知借款人', en: 'notice to the borrower' },
  CALL: { zh: '电话催收', en: 'telephone call' },
  RECOURSE_PROPOSAL: { zh: '提请追索或回购', en: 'recourse or buy-back proposed' },
  LEGAL: { zh: '移交法律程序', en: 'legal proceedings' },
  RECEIVABLE: { zh: '应收账款', en: 'receivable' },
  CERTIFICATE: { zh: '电子债权凭证', en: 'certificate' },
  'receivable-loan': { zh: '应收账款贷款', en: 'receivable loan' },
  'order-loan': { zh: '订单贷款', en: 'order loan' },
  'dealer-loan': { zh: '经销商贷款', en: 'dealer loan' },
  'red-stop': { zh: '红色预警停贷', en: 'stop by red warnings' },
  'flash-loan': { zh: '闪电贷', en: 'flash loan' },
}
