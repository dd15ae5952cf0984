/** In milliseconds since 1970, with the fractions that the platform has. */
export function wallMs(): number {
  return performance.timeOrigin + performance.now()
}

export async function sleep(ms: number): Promise<void> {
  if (ms <= 0) {
    return
  }
  await new Promise<void>((resolve) => {
    setTimeout(resolve, ms)
  })
}
