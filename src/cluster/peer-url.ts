/**
 * The address of a peer in etcd's form (client/pkg/types/urls.go), undefined where etcd takes the
 * text for none: `http` or `https` with host and port and no path, or `unix`, `unixs`. Only the
 * scheme is put into lower case.
 */
export function peerUrl(text: string): string | undefined {
  const trimmed = text.trim()
  const [, name = '', rest = ''] = /^([a-z][a-z\d+.-]*):(.*)$/is.exec(trimmed) ?? []
  const scheme = name.toLowerCase()
  const form = forms.get(scheme)?.exec(rest)
  if (form === undefined || form === null || CONTROL.test(trimmed)) {
    return undefined
  }
  const address = form.groups?.['address']
  if (address !== undefined && !URL.canParse(`http://[${address}]`)) {
    return undefined
  }
  return `${scheme}:${escaped(rest)}`
}

// oxlint-disable-next-line no-control-regex -- these are what Go's parser refuses
const CONTROL = /[\0-\x1f\x7f]/

// What Go lets into a user, a host name and the zone of an IPv6 address.
const USER = String.raw`(?:[\w.~!$&'()*+,;=:%-]*@)?`
const HOST_NAME = String.raw`[\w!$&'()*+,;=<>".~\u0080-\u{10ffff}-]*`
const HOST = String.raw`(?:${HOST_NAME}|\[(?<address>[\da-f:.]+)(?:%25[\w.~-]+)?\])`
const QUERY_AND_FRAGMENT = String.raw`(?:\?[^#]*)?(?:#.*)?`

const HTTP = new RegExp(String.raw`^//${USER}${HOST}:\d*${QUERY_AND_FRAGMENT}$`, 'iu')
/** A path, or a host with or without port and path. */
const UNIX = new RegExp(
  String.raw`^(?:(?!//).*|//${USER}${HOST}(?::\d*)?(?:/[^?#]*)?${QUERY_AND_FRAGMENT})$`,
  'iu',
)

const forms: ReadonlyMap<string, RegExp> = new Map([
  ['http', HTTP],
  ['https', HTTP],
  ['unix', UNIX],
  ['unixs', UNIX],
])

/** As Go prints it: what is beyond ASCII in percents, and no fragment that is empty. */
function escaped(rest: string): string {
  return rest.replace(/#$/, '').replaceAll(/[\u0080-\u{10ffff}]+/gu, encodeURIComponent)
}
