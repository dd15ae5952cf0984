/** What keyspaces of a deployment's lab are called. No other's lines can be cut. */
export const LAB_PREFIX = 'lab-'

/** Of a keyspace, or of its replica in a region. */
export function isOfLab(objectName: string | undefined): boolean {
  return objectName?.startsWith(LAB_PREFIX) === true
}
