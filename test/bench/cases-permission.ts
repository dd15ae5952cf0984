import { alternate, type BenchCase } from './bench-case.ts'
import { startEngine } from './engine-server.ts'

const ROLES = 1000
const RANGES_PER_ROLE = 100
const CHECKS = 100_000
const CHANGES = 200

/** Only ours: etcd's check cannot be told from the request around it. */
export const permission: BenchCase = {
  name: 'permission',
  about: `the permission check in workerd: a user of ${ROLES} roles of ${RANGES_PER_ROLE} ranges each`,
  run: async ({ rounds }) => {
    const server = await startEngine()
    const job = { roles: ROLES, rangesPerRole: RANGES_PER_ROLE, times: 1 }
    try {
      await server.permission({ ...job, do: 'permit' })
      await measure()
      return await alternate([server], rounds, measure)
    } finally {
      await server.stop()
    }

    async function measure(): Promise<Readonly<Record<string, number>>> {
      const reopenMs = await server.permission({ ...job, do: 'reopen' })
      const checkMs = await server.permission({ ...job, do: 'check', times: CHECKS })
      const changeMs = await server.permission({ ...job, do: 'change', times: CHANGES })
      return {
        'permission check, µs': (checkMs / CHECKS) * 1000,
        'change of a role and the check behind it, µs': (changeMs / CHANGES) * 1000,
        'first check of all, ms': reopenMs,
      }
    }
  },
}
