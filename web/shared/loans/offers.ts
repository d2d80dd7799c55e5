/** A loan and other terms that the bank offers for it, as REST has them; money is fen. */

export interface Loan {
  readonly loan_id: string
  readonly state: string
  readonly product_id: string
  readonly outstanding_principal_fen: number
  readonly accrued_interest_fen: number
  readonly annual_rate: string
  readonly due_date: string
}

export interface DueLine {
  readonly due_date: string
  readonly principal_fen: number
  readonly interest_fen: number
  readonly fee_fen: number
  readonly total_fen: number
}

export interface Plan {
  readonly lines: readonly DueLine[]
  readonly total_fen: number
  readonly cost_fen: number
}

export interface Offer {
  readonly number: number
  readonly state: 'OFFERED' | 'SIGNED' | 'REPLACED' | 'EXPIRED'
  readonly principal_fen: number
  readonly annual_rate: string
  readonly due_date: string
  readonly repayment: { readonly kind: string; readonly first_due_date?: string; readonly every_months?: number }
  readonly valid_until: string
  readonly signed_at: string
  readonly former_plan: Plan
  readonly plan: Plan
  readonly challenge: string
}

/** Whether its borrower can sign it today. */
export function canBeSigned(offer: Offer): boolean {
  return offer.state === 'OFFERED' && offer.plan.lines.length > 0
}
