/** What a socket of the leader's feed remembers. */
const FEED = 'feed'

/** A socket that the leader pushes frames over. It hibernates. */
export function acceptFeed(ctx: DurableObjectState): Response {
  const { 0: client, 1: own } = new WebSocketPair()
  ctx.acceptWebSocket(own)
  own.serializeAttachment(FEED)
  return new Response(null, { status: 101, webSocket: client })
}

export function isFeed(socket: WebSocket): boolean {
  return socket.deserializeAttachment() === FEED
}
