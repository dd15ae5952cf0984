import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** The path of a program: `named` where that is given, or the first of its name in PATH. */
export async function findInstalled(
  program: string,
  named: string | undefined,
): Promise<string | undefined> {
  if (named !== undefined) {
    return named
  }
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, program)
    if (await executable(path)) {
      return path
    }
  }
  return undefined
}

async function executable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
