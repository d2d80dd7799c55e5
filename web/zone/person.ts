/**
 * Who uses this device: a pseudonym and where its key is found. Name and resident ID are asked for once, to have the
 * identity authority bind the key, and kept nowhere.
 */

import { ref } from 'vue'
import { ask } from '../shared/api'
import { take, type Issued } from '../shared/sign-in'
import { siteNow } from '../shared/site'
import { decodeBase64Url } from '../verify/core/bytes'
import { newPasskey, signedBy } from './passkey'

interface Person {
  readonly subject: string
  readonly credential: string
  /** Opens the commitment in the key's binding; only the device has it (POST /api/v1/persons). */
  readonly salt: string
}

const KEPT = 'huilian-person'

/** The person whose key this device has, if it has one. */
export const person = ref<Person | null>(remembered())

/** Have a key of this device bound to a person, and sign in. The key of another device is good no longer. */
export async function register(name: string, residentId: string): Promise<void> {
  const { credential, jwk } = await newPasskey()
  const body = { name, resident_id: residentId, device_public_jwk: jwk }
  const { subject, salt } = await ask<{ subject: string; salt: string }>('/persons', body)
  person.value = { subject, credential, salt }
  localStorage.setItem(KEPT, JSON.stringify(person.value))
  await signIn(person.value)
}

/** Sign in by the device's key. */
export async function signIn(of: Person): Promise<void> {
  const site = await siteNow()
  const { challenge } = await ask<{ challenge: string }>('/login/challenges')
  const assertion = await signedBy(of.credential, new Uint8Array(decodeBase64Url(challenge)))
  take(await ask<Issued>('/login/device', { subject: of.subject, challenge, assertion }), site)
}

/** The device is another person's from now on. */
export function forget(): void {
  localStorage.removeItem(KEPT)
  person.value = null
}

function remembered(): Person | null {
  const kept = localStorage.getItem(KEPT)
  return kept ? (JSON.parse(kept) as Person) : null
}
