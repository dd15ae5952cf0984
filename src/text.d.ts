// wrangler (and vitest, through test/vitest.config.ts) give an SQL file as its text.
declare module '*.sql' {
  const text: string
  export default text
}
