import { OWNER, SECRET, type S3Server, startS3Server } from './s3-server.ts'

/** The word with which a test that needs it skips itself: nobody has it installed for this. */
export const minioMissing = 'no MinIO in $MINIO_BINARY'

/** Undefined where there is none. */
export async function startMinio(): Promise<S3Server | undefined> {
  const binary = process.env['MINIO_BINARY']
  if (binary === undefined) {
    return undefined
  }
  return startS3Server({
    binary,
    args: (address, folder) => ['server', '--quiet', '--address', address, folder],
    // Without a console, which would listen on a port of its own.
    env: { MINIO_ROOT_USER: OWNER, MINIO_ROOT_PASSWORD: SECRET, MINIO_BROWSER: 'off' },
  })
}
