import { Failure } from './failure.ts'
import type { ServeFlags } from './flag-table.ts'
import { readS3Credentials } from './s3-credentials.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** The bucket that the members share, as workerd is told of it. */
export interface ClusterBucket {
  /** `s3://bucket/prefix` or `gs://bucket/prefix`. */
  readonly url: string
  /** `key=value`; credentials are among them. */
  readonly options: readonly string[]
}

const REGION = 'us-east-1'

/** What `--cluster-bucket` and its flags say, which is given. Throws Failure, which repeats no secret. */
export function clusterBucket(flags: ServeFlags, environment: Environment): ClusterBucket {
  const text = flags['cluster-bucket']
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isBucket =
    url !== undefined && /^(?:s3|gs):$/.test(url.protocol) && /^[\w][\w.-]*$/.test(url.host)
  if (!isBucket || `${url.username}${url.password}${url.search}${url.hash}` !== '') {
    throw new Failure(
      '--cluster-bucket must be a URL such as s3://bucket/prefix or gs://bucket/prefix',
    )
  }
  if (url.protocol === 'gs:') {
    requireNoS3Flags(flags)
    return { url: text, options: [] }
  }
  const first = (...names: readonly string[]): string =>
    names.map((name) => environment[name]).find(Boolean) ?? ''
  const file = flags['cluster-bucket-credentials-file']
  const credentials = file === '' ? environment : readS3Credentials(file)
  const [id, secret] = [credentials['AWS_ACCESS_KEY_ID'], credentials['AWS_SECRET_ACCESS_KEY']]
  if (!id || !secret) {
    throw new Failure(
      '--cluster-bucket needs credentials: --cluster-bucket-credentials-file, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
    )
  }
  const region =
    flags['cluster-bucket-region'] || first('AWS_REGION', 'AWS_DEFAULT_REGION') || REGION
  const endpoint =
    flags['cluster-bucket-endpoint'] ||
    first('AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL') ||
    `https://s3.${region}.amazonaws.com`
  if (!/^https?:\/\/[^/?#@]+/.test(endpoint) || !URL.canParse(endpoint)) {
    throw new Failure('--cluster-bucket-endpoint must be a URL such as https://s3.example.com')
  }
  const session = credentials['AWS_SESSION_TOKEN']
  return {
    url: text,
    options: [
      `aws_endpoint=${endpoint.replace(/\/+$/, '')}`,
      `aws_region=${region}`,
      `aws_access_key_id=${id}`,
      `aws_secret_access_key=${secret}`,
      ...(session ? [`aws_token=${session}`] : []),
    ],
  }
}

function requireNoS3Flags(flags: ServeFlags): void {
  const names = [
    'cluster-bucket-endpoint',
    'cluster-bucket-region',
    'cluster-bucket-credentials-file',
  ] as const
  const given = names.find((name) => flags[name] !== '')
  if (given !== undefined) {
    throw new Failure(
      `--${given} is for S3: --cluster-bucket gs:// finds its credentials by itself`,
    )
  }
}
