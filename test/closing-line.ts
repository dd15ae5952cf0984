import type { Reporter, TestModule, TestSuite } from 'vitest/node'

/**
 * Says why each skipped test was skipped and, as the last line of all, `N passed, N failed,
 * N skipped`. A file or a suite that breaks outside its tests counts as one failure.
 */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 }
    for (const module of modules) {
      count.failed += suites(module).filter((suite) => suite.errors().length > 0).length
      for (const test of module.children.allTests()) {
        const result = test.result()
        count[result.state]++
        if (result.state === 'skipped') {
          const reason = result.note ?? 'no reason given'
          print(`skipped: ${module.relativeModuleId} > ${test.fullName}: ${reason}`)
        }
      }
    }
    // A test that never ended, as when a worker dies, has not passed.
    const failed = count.failed + count.pending
    // Other reporters and vitest itself may still print until the process ends.
    process.once('exit', () => {
      print(`${count.passed} passed, ${failed} failed, ${count.skipped} skipped`)
    })
  }
}

function suites(module: TestModule): readonly (TestModule | TestSuite)[] {
  return [module, ...module.children.allSuites()]
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
