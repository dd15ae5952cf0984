import * as z from 'zod'
import * as schemas from './flag-schemas.ts'
import type { FlagTable } from './flag-spec.ts'

const members = {
  'listen-peer-urls': {
    section: 'Member',
    fallback: 'http://localhost:2380',
    help: 'Comma-separated URLs to listen on for the other members of a cluster; one member alone listens on none.',
    schema: schemas.listenUrls,
  },
  'initial-cluster': {
    section: 'Clustering',
    fallback: '',
    fallbackShown: '${name}=${initial-advertise-peer-urls}',
    help: 'Comma-separated NAME=URL of all members. With more than one of them, --cluster-bucket and --cluster-key-file are needed.',
    schema: schemas.text,
  },
  'initial-cluster-state': {
    section: 'Clustering',
    fallback: 'new',
    help: "'new', or 'existing' for a member that joins: the bucket says which of them it is.",
    schema: z.enum(['new', 'existing'], 'must be new or existing'),
  },
  'initial-cluster-token': {
    section: 'Clustering',
    fallback: 'etcd-cluster',
    help: 'Tells clusters apart that share a key: ids and secrets are made from it.',
    schema: schemas.text,
  },
  'cluster-bucket': {
    section: 'Clustering',
    fallback: '',
    help: 'What the members of a cluster share: s3://bucket/prefix, which takes conditional writes, or gs://bucket/prefix.',
    schema: schemas.text,
  },
  'cluster-bucket-endpoint': {
    section: 'Clustering',
    fallback: '',
    fallbackShown: '${AWS_ENDPOINT_URL}',
    help: "URL of what speaks S3 (Amazon's of the region, unless it is given).",
    schema: schemas.text,
  },
  'cluster-bucket-region': {
    section: 'Clustering',
    fallback: '',
    fallbackShown: '${AWS_REGION}',
    help: 'Region of the bucket (us-east-1, unless it is given).',
    schema: schemas.text,
  },
  'cluster-bucket-credentials-file': {
    section: 'Clustering',
    fallback: '',
    help: "Path to a file with the bucket's aws_access_key_id and aws_secret_access_key, in place of AWS_* variables.",
    schema: schemas.text,
  },
  'cluster-key-file': {
    section: 'Clustering',
    fallback: '',
    help: 'Path to a file that holds the secret of the cluster, the same for all members: at least 32 characters.',
    schema: schemas.text,
  },
} as const satisfies FlagTable

/** etcd's, for the traffic between members. */
const peerTls = {
  'peer-cert-file': {
    section: 'Security',
    fallback: '',
    help: 'Path to the certificate for https peer URLs, which is also shown to other members.',
    schema: schemas.text,
    fileKey: ['peer-transport-security', 'cert-file'],
  },
  'peer-key-file': {
    section: 'Security',
    fallback: '',
    help: 'Path to the key of --peer-cert-file.',
    schema: schemas.text,
    fileKey: ['peer-transport-security', 'key-file'],
  },
  'peer-client-cert-auth': {
    section: 'Security',
    fallback: 'false',
    help: 'Require certificates of other members, signed by --peer-trusted-ca-file or else by an authority of the system.',
    schema: schemas.boolean,
    fileType: 'boolean',
    fileKey: ['peer-transport-security', 'client-cert-auth'],
  },
  'peer-client-cert-file': {
    section: 'Security',
    fallback: '',
    fallbackShown: '${peer-cert-file}',
    help: 'Path to the certificate that is shown to other members.',
    schema: schemas.text,
    fileKey: ['peer-transport-security', 'client-cert-file'],
  },
  'peer-client-key-file': {
    section: 'Security',
    fallback: '',
    fallbackShown: '${peer-key-file}',
    help: 'Path to the key of --peer-client-cert-file.',
    schema: schemas.text,
    fileKey: ['peer-transport-security', 'client-key-file'],
  },
  'peer-trusted-ca-file': {
    section: 'Security',
    fallback: '',
    help: "Path to the authorities of members' certificates. Members need one as soon as it is given.",
    schema: schemas.text,
    fileKey: ['peer-transport-security', 'trusted-ca-file'],
  },
  'peer-cert-allowed-cn': {
    section: 'Security',
    fallback: '',
    help: 'Comma-separated list of common names, one of which the certificate of a member has to hold.',
    schema: schemas.list,
    fileType: 'list',
    fileKey: ['peer-transport-security', 'allowed-cn'],
  },
  'peer-cert-allowed-hostname': {
    section: 'Security',
    fallback: '',
    help: 'Comma-separated list of SAN hostnames, one of which the certificate of a member has to hold.',
    schema: schemas.list,
    fileType: 'list',
    fileKey: ['peer-transport-security', 'allowed-hostname'],
  },
  'peer-auto-tls': {
    section: 'Security',
    fallback: 'false',
    help: "Only 'false' in a cluster: certificates that every member makes for itself show nobody who a member is.",
    schema: schemas.boolean,
    fileType: 'boolean',
    fileKey: ['peer-transport-security', 'auto-tls'],
  },
  'peer-crl-file': {
    section: 'Security',
    fallback: '',
    help: "Path to a revocation list in DER form: members' certificates that it names are refused.",
    schema: schemas.text,
  },
} as const satisfies FlagTable

/** The flags of a cluster of several members. */
export const clusterTable = { ...members, ...peerTls } as const satisfies FlagTable
