import { OBJECT_BYTES_MAX, ObjectStoreError } from './object-store.ts'

/** What every store takes: R2 would take longer keys, but a file's path is not to get too long. */
const KEY_BYTES_MAX = 512
/** A part of a key is the name of a file or folder. */
const PART_BYTES_MAX = 255
/** What R2 and S3 have in one page. */
const PAGE_OBJECTS_MAX = 1000

/** Throws an ObjectStoreError for what is no key, the same in each store. */
export function checkKey(key: string): void {
  if (!isKey(key)) {
    throw new ObjectStoreError(`${shown(key)} is no key of an object`, { retryable: false })
  }
}

/** A store may hold what others have put there: what has such a name is none of ours. */
export function isKey(text: string): boolean {
  return text.length <= KEY_BYTES_MAX && text.split('/').every(isKeyPart)
}

/** Files of the system and folders such as `..` begin with a dot. */
export function isKeyPart(part: string): boolean {
  return part.length <= PART_BYTES_MAX && /^[a-z0-9-][a-z0-9.-]*$/.test(part)
}

/** The beginning of keys: whole parts, and of the last what there is. */
export function checkPrefix(prefix: string): void {
  if (prefix !== '' && !isKey(prefix.endsWith('/') ? prefix.slice(0, -1) : prefix)) {
    throw new ObjectStoreError(`${shown(prefix)} begins no key of an object`, { retryable: false })
  }
}

export function checkSize(key: string, bytes: number): void {
  if (bytes > OBJECT_BYTES_MAX) {
    const what = `object ${key} has ${bytes} bytes: ${OBJECT_BYTES_MAX} is the most`
    throw new ObjectStoreError(what, { retryable: false })
  }
}

/** How many objects a page may have of which `limit` were asked. */
export function pageLimit(limit = PAGE_OBJECTS_MAX): number {
  return Math.max(1, Math.min(limit, PAGE_OBJECTS_MAX))
}

function shown(text: string): string {
  return JSON.stringify(text.length > KEY_BYTES_MAX ? `${text.slice(0, 64)}…` : text)
}
