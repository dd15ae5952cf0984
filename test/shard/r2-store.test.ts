import { R2Store } from '../../src/object-store/r2-store.ts'
import { describeObjectStore } from '../object-store/contract.ts'
import { testBucket } from './test-bucket.ts'

describeObjectStore('R2', () => Promise.resolve(new R2Store(testBucket())))
