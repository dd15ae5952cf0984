/** An answer without what differs from server to server, or from moment to moment. */
export function plainAnswer(heard: string): string {
  return (
    heard
      .replaceAll(/(?<=\r\n)Date: [^\r]+ GMT/g, 'Date: …')
      .replaceAll(/(?<=\r\n)Content-Length: \d\d+/g, 'Content-Length: …')
      .replaceAll(
        /"(cluster_id|member_id|revision|raft_term|create_revision|mod_revision)": ?"\d+"/g,
        '"$1":"…"',
      )
      .replaceAll(/(?<=[,:]) (?=["{[])/g, '')
      .replaceAll(/^[\da-f]+\r\n(?=\{)/gim, '…\r\n')
      // Whether the connection ends is looked at by itself.
      .replaceAll(/(?<=\r\n)Connection: (?:close|keep-alive)\r\n/gi, '')
      .replaceAll('HTTP/1.0 ', 'HTTP/1.1 ')
      .replaceAll('499 Client Error', '499 status code 499')
      .replaceAll(/(?<=HTTP\/1\.1 [^\r]+\r\n)(?:[^\r]+\r\n)+(?=\r\n)/g, (fields) =>
        fields
          .split(/(?<=\r\n)/)
          .toSorted()
          .join(''),
      )
  )
}
