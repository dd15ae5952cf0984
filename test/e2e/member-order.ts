/**
 * Members are listed by their ids, which are random: a transcript has them by the words that stand for
 * these instead. Ids that begin with zeros are padded in some places.
 */
export function withSortedMembers(transcript: string): string {
  return transcript
    .replaceAll(/^Member +/gm, 'Member ')
    .replaceAll(/(?:^(?:ADDED\d+|MEMBER), .*\n)+/gm, (lines) =>
      sorted(lines.split('\n').slice(0, -1))
        .map((line) => `${line}\n`)
        .join(''),
    )
    .replaceAll(/"members":\[\{(.*)\}\]\}$/gm, (_, members: string) => {
      const inOrder = sorted(members.split('},{')).join('},{')
      return `"members":[{${inOrder}}]}`
    })
    .replaceAll(/(?:^"ID" : (?:ADDED\d+|MEMBER)\n(?:".*\n)+\n)+/gm, (blocks) =>
      sorted(blocks.split('\n\n').slice(0, -1))
        .map((block) => `${block}\n\n`)
        .join(''),
    )
    .replaceAll(/^ETCD_INITIAL_CLUSTER="(.*)"$/gm, (_, members: string) => {
      const inOrder = sorted(members.split(',')).join(',')
      return `ETCD_INITIAL_CLUSTER="${inOrder}"`
    })
}

function sorted(parts: readonly string[]): readonly string[] {
  return parts.toSorted((a, b) => (a < b ? -1 : 1))
}
