/** Why a shard closes the socket of a cluster's node. */

/** The node is no member any more, and has to end. */
export const CLOSE_REMOVED = 4403

/** The keyspace goes to another node. The reason is one of those below. */
export const CLOSE_MOVED = 4410
/** It goes to whoever asks first, which is to be this one. */
export const MOVED_HERE = 'moved here'
/** This one is to ask later. */
export const MOVED_ELSEWHERE = 'moved elsewhere'
