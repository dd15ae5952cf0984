/** Where snapshots are to go, as a URL says it. */
type SnapshotStoreUrl =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 's3'; readonly bucket: string; readonly prefix: string }

/** A bucket of something that speaks S3, and how to get there. */
export interface S3Settings {
  readonly bucket: string
  /** What all keys begin with: empty, or with a slash at its end. */
  readonly prefix: string
  readonly endpoint: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of credentials that end by themselves. */
  readonly sessionToken: string | undefined
}

/** The store that a deployment was told of; that of a binding is not among them. */
export type SnapshotStoreSettings =
  | { readonly kind: 'directory'; readonly url: string; readonly path: string }
  | ({ readonly kind: 's3' } & S3Settings)

const REGION = 'us-east-1'

/** `file:///path` or `s3://bucket/prefix`; a text says what is wrong with it, and repeats nothing of it. */
function parseSnapshotStoreUrl(text: string): SnapshotStoreUrl | string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'file:' && url.protocol !== 's3:')) {
    return 'must be a URL such as file:///var/backups/etcdurable or s3://bucket/prefix'
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    return 'must have no user, query or fragment'
  }
  return url.protocol === 'file:' ? parseDirectory(url) : parseBucket(url)
}

function parseDirectory(url: URL): SnapshotStoreUrl | string {
  if (url.host !== '') {
    return 'must have three slashes before the path: file:///path'
  }
  let path: string
  try {
    path = decodeURIComponent(url.pathname)
  } catch {
    return 'has an escape that is none'
  }
  return path.includes('\0') ? 'must be the path of a directory' : { kind: 'directory', path }
}

function parseBucket(url: URL): SnapshotStoreUrl | string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/.test(url.host)) {
    return 'must name a bucket: 3 to 63 letters, digits, dots and dashes'
  }
  const parts = url.pathname.split('/').filter(Boolean)
  if (url.pathname.length > 256 || !parts.every((part) => /^[A-Za-z0-9_-][\w.-]*$/.test(part))) {
    return 'must have a prefix of letters, digits, dots, dashes and slashes, at most 256 of them'
  }
  return { kind: 's3', bucket: url.host, prefix: parts.map((part) => `${part}/`).join('') }
}

/** How to get to a bucket; empty is what is not told. */
export interface S3Access {
  readonly endpoint: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
}

/** Undefined where it is none: `http` or `https`, a host, maybe a path. */
function parseEndpoint(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isEndpoint =
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    `${url.username}${url.password}${url.search}${url.hash}` === ''
  return isEndpoint ? url.href.replace(/\/+$/, '') : undefined
}

/** Where the store is; a text says what is missing. */
export function snapshotStoreSettings(
  text: string,
  access: S3Access,
): SnapshotStoreSettings | string {
  const url = parseSnapshotStoreUrl(text)
  if (typeof url === 'string') {
    return url
  }
  if (url.kind === 'directory') {
    return { kind: 'directory', url: text, path: url.path }
  }
  const region = access.region === '' ? REGION : access.region
  if (!/^[a-z0-9-]+$/.test(region)) {
    return 'is of a region that is none'
  }
  const endpoint = parseEndpoint(
    access.endpoint === '' ? `https://s3.${region}.amazonaws.com` : access.endpoint,
  )
  if (endpoint === undefined) {
    return 'is at an endpoint that is none: it must be a URL such as https://s3.example.com'
  }
  const { accessKeyId, secretAccessKey, sessionToken } = access
  if (accessKeyId === '' || secretAccessKey === '') {
    return 'needs credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'
  }
  return {
    kind: 's3',
    bucket: url.bucket,
    prefix: url.prefix,
    endpoint,
    region,
    accessKeyId,
    secretAccessKey,
    sessionToken: sessionToken === '' ? undefined : sessionToken,
  }
}
