const runtime = process.env['ETCDURABLE_RUNTIME']

/** For whatever serves a keyspace of its own: the runtime that the environment names, if it does. */
export const runtimeFlags: readonly string[] = runtime === undefined ? [] : [`--runtime=${runtime}`]
