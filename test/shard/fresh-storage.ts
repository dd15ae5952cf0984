// Files share one workerd, which is slow to start; each begins with empty storage.
import { reset } from 'cloudflare:test'
import { beforeAll } from 'vitest'

beforeAll(() => reset())
