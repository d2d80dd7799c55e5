/** The device's own key (WebAuthn): made once, asked for each signature; it never leaves the device. */

import { Refused } from '../shared/api'
import type { Text } from '../shared/preferences'
import { decodeBase64Url, encodeBase64Url } from '../verify/core/bytes'

/** An assertion as REST takes it, each part in base64url. */
export interface DeviceAssertion {
  readonly authenticator_data: string
  readonly client_data_json: string
  readonly signature: string
}

/** A key of this device: how the browser finds it, and its public half. */
export interface Passkey {
  readonly credential: string
  readonly jwk: { readonly kty: string; readonly crv: string; readonly x: string; readonly y: string }
}

const NOT_DONE: Text = {
  zh: '没有完成设备验证（指纹、面容或锁屏密码），未签署任何内容。',
  en: 'The device was not unlocked (fingerprint, face or screen lock): nothing was signed.',
}
const ES256 = -7
const RANDOM_BYTES = 32

/** Make a key on this device. Throws `Refused` when the person breaks off. */
export async function newPasskey(): Promise<Passkey> {
  const made = (await unlocked(() =>
    navigator.credentials.create({
      publicKey: {
        // Nobody checks where the key was made: the identity authority binds it to the person.
        challenge: random(),
        attestation: 'none',
        rp: { name: '惠链 Huilian' },
        // The person's pseudonym is not known yet, and nothing personal belongs here.
        user: { id: random(), name: '惠链', displayName: '惠链' },
        pubKeyCredParams: [{ type: 'public-key', alg: ES256 }],
        authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
      },
    }),
  )) as PublicKeyCredential
  const spki = (made.response as AuthenticatorAttestationResponse).getPublicKey()
  if (!spki) throw new Refused(NOT_DONE, 'NO_PUBLIC_KEY')
  const key = await crypto.subtle.importKey('spki', spki, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['verify'])
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', key)
  return { credential: encodeBase64Url(new Uint8Array(made.rawId)), jwk: { kty: kty!, crv: crv!, x: x!, y: y! } }
}

/** The device's signature over a challenge. Throws `Refused` when the person breaks off. */
export async function signedBy(credential: string, challenge: Uint8Array<ArrayBuffer>): Promise<DeviceAssertion> {
  const id = new Uint8Array(decodeBase64Url(credential))
  const given = (await unlocked(() =>
    navigator.credentials.get({
      publicKey: { challenge, userVerification: 'required', allowCredentials: [{ type: 'public-key', id }] },
    }),
  )) as PublicKeyCredential
  const said = given.response as AuthenticatorAssertionResponse
  return {
    authenticator_data: encoded(said.authenticatorData),
    client_data_json: encoded(said.clientDataJSON),
    signature: encoded(said.signature),
  }
}

async function unlocked(asked: () => Promise<Credential | null>): Promise<Credential> {
  try {
    const given = await asked()
    if (given) return given
  } catch (error) {
    if (!(error instanceof DOMException)) throw error
  }
  throw new Refused(NOT_DONE, 'NOT_UNLOCKED')
}

function random(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(RANDOM_BYTES))
}

function encoded(part: ArrayBuffer): string {
  return encodeBase64Url(new Uint8Array(part))
}
