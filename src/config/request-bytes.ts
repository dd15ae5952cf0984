/**
 * The most that --max-request-bytes may be. A Durable Object takes messages of 32 MiB, and a request has
 * half a MiB more in its gRPC message and some bytes in ours.
 */
export const REQUEST_BYTES_MAX = 30 * 1024 * 1024

export const REQUEST_BYTES_PROBLEM = `must be at most ${REQUEST_BYTES_MAX}`
