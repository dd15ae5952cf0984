/** What a deployment's settings say of who may come in (config/settings.ts). */
export interface DoorSettings {
  readonly embedded: boolean
  readonly accessToken: string | undefined
  readonly linkSecret: string | undefined
}

/** The deployment's own: the administrator's, and that of the process which has started this server. */
export function isSecret(text: string, settings: DoorSettings): boolean {
  return isSame(text, settings.accessToken) || isLinkSecret(text, settings)
}

export function isLinkSecret(text: string, { linkSecret }: DoorSettings): boolean {
  return isSame(text, linkSecret)
}

/** Takes as long for a guess that is nearly right as for one that is not, given the length. */
function isSame(given: string, expected: string | undefined): boolean {
  if (given.length !== expected?.length) {
    return false
  }
  let difference = 0
  for (let place = 0; place < given.length; place++) {
    difference |= given.charCodeAt(place) ^ expected.charCodeAt(place)
  }
  return difference === 0
}
