/** What every absent bytes field holds. It has no element that could be changed. */
export const emptyBytes = new Uint8Array(0)
