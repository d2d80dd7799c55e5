/** The one key that this browser signs in with, as an object of WebCrypto that cannot be exported. */

export interface KeptKey {
  readonly clientId: string
  readonly kid: string
  readonly secret: CryptoKey
}

const NAME = 'huilian-sign-in'
const STORE = 'key'
const ONLY = 'only'

export async function keep(key: KeptKey): Promise<void> {
  await done((await store('readwrite')).put(key, ONLY))
}

export async function kept(): Promise<KeptKey | null> {
  return ((await done((await store('readonly')).get(ONLY))) as KeptKey | undefined) ?? null
}

export async function forgetKept(): Promise<void> {
  await done((await store('readwrite')).delete(ONLY))
}

async function store(mode: IDBTransactionMode): Promise<IDBObjectStore> {
  const opening = indexedDB.open(NAME, 1)
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE)
  const database = (await done(opening)) as IDBDatabase
  return database.transaction(STORE, mode).objectStore(STORE)
}

function done(request: IDBRequest): Promise<unknown> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('the browser keeps nothing'))
  })
}
