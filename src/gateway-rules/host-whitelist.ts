import type { Settings } from '../config/settings.ts'

/** Whether a plaintext request may name a host, with its port or without. */
export function mayName(host: string, { hostWhitelist }: Settings): boolean {
  return hostWhitelist === undefined || hostWhitelist.has(hostName(host))
}

export function hostName(host: string): string {
  return host.replace(/:\d+$/, '')
}
