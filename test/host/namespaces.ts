import type { NamespaceBinding } from '../../src/host/host.ts'

/** Of the contract's Worker, on both platforms. */
export const namespaces: readonly NamespaceBinding[] = [
  { binding: 'SUBJECT', className: 'Subject', uniqueKey: 'contract-subject' },
  { binding: 'OTHER', className: 'Other', uniqueKey: 'contract-other' },
]
