// The `workerd` package ships no types. It is CommonJS, whose exports Node gives as the default.
declare module 'workerd' {
  const workerd: {
    /** The path of the binary for this machine. */
    readonly default: string
    readonly version: string
  }
  export default workerd
}
