/** What both a Worker's Request and a head that was read from a socket can tell. */
export interface RequestHead {
  readonly headers: {
    /** By the name in whatever case; null where there is none. */
    get(name: string): string | null
  }
}
