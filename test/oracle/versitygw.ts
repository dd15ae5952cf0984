import { findInstalled } from './installed.ts'
import { LOOPBACK, type Place } from './place.ts'
import { OWNER, SECRET, type S3Server, startS3Server } from './s3-server.ts'

/** The word with which a test that needs it skips itself. */
export const versityGwMissing = 'no versitygw in $VERSITYGW_BINARY or PATH'

/** Objects are files of the bucket's folder. Undefined where it is not installed. */
export async function startVersityGw(place: Place = LOOPBACK): Promise<S3Server | undefined> {
  const binary = await findInstalled('versitygw', process.env['VERSITYGW_BINARY'])
  if (binary === undefined) {
    return undefined
  }
  return startS3Server(
    {
      binary,
      args: (address, folder) => ['--quiet', '--keep-alive', `--port=${address}`, 'posix', folder],
      env: { ROOT_ACCESS_KEY: OWNER, ROOT_SECRET_KEY: SECRET },
    },
    place,
  )
}
