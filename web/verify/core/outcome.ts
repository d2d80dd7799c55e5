/** The outcome of a verification: named checks, each with a reason in Chinese and English. */

export interface Reason {
  readonly zh: string
  readonly en: string
}

/** A check failed; the reason says why. Every error that a file can cause is one of these. */
export class Refused extends Error {
  readonly reason: Reason

  constructor(zh: string, en: string) {
    super(en)
    this.reason = { zh, en }
  }
}

export type ReceiptCheckName =
  | 'form and signature'
  | 'issuing hub'
  | 'record'
  | 'inclusion in the log'
  | 'checkpoint'
  | 'witnesses'
  | 'anchor on the chain'
  | 'evidence'

export type CheckName =
  | ReceiptCheckName
  | `statement: ${ReceiptCheckName}`
  | `step ${number}: ${ReceiptCheckName}`
  | 'one log'
  | 'chain'
  | 'both checkpoints'
  | 'contradiction'
  | 'form'
  | 'consent'
  | 'termination'
  | 'statement of the period'
  | 'no record missing'
  | 'every record commits to the one before'
  | 'the period was not cut short'
  | 'every record in the log before the statement'
  | 'evidence of the records'
  | 'counts by the edges'

export interface Check<Name extends CheckName = CheckName> {
  readonly name: Name
  readonly ok: boolean
  readonly reason: Reason
}

export type Kind = 'receipt' | 'consent' | 'termination' | 'access export' | 'provenance' | 'equivocation' | 'unknown'

export interface Verdict {
  readonly kind: Kind
  readonly ok: boolean
  readonly checks: readonly Check[]
}

export function verdict(kind: Kind, checks: readonly Check[]): Verdict {
  return { kind, checks, ok: checks.length > 0 && checks.every((check) => check.ok) }
}

export function require(condition: boolean, zh: string, en: string): asserts condition {
  if (!condition) throw new Refused(zh, en)
}

/** Run a check that returns what it found or throws `Refused`. Anything else is a mistake of ours and goes on. */
export function runCheck<Name extends CheckName>(name: Name, check: () => Reason): Check<Name> {
  try {
    return { name, ok: true, reason: check() }
  } catch (error) {
    if (error instanceof Refused) return { name, ok: false, reason: error.reason }
    throw error
  }
}

/** Why an action refuses; undefined when it does not. */
export function refusalOf(action: () => unknown): Reason | undefined {
  try {
    action()
  } catch (error) {
    if (error instanceof Refused) return error.reason
    throw error
  }
  return undefined
}

/** The value of `attempt`, or undefined when a library throws on bad input. */
export function attempt<T>(action: () => T): T | undefined {
  try {
    return action()
  } catch {
    return undefined
  }
}
