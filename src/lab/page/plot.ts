import type { OperationKind, Sample } from '../told.ts'
import { kinds } from './statistics.ts'

/** The axis, which is logarithmic, in milliseconds. */
const LEAST_MS = 0.3
const MOST_MS = 4_000
const LANE = 16
export const PLOT_HEIGHT = LANE * 3 + 6

interface Marks {
  readonly median: number | undefined
  readonly p99: number | undefined
}

export interface Plotted {
  readonly samples: ReadonlyMap<OperationKind, readonly Sample[]>
  readonly marks: ReadonlyMap<OperationKind, Marks>
  /** What one round trip to the leader takes; 0 for none. */
  readonly roundTrip: number
  readonly now: number
}

/** Draws latencies as dots, a lane for each kind; older ones fade. */
export function plot(canvas: HTMLCanvasElement, plotted: Plotted): void {
  const ratio = devicePixelRatio
  const [width, height] = [canvas.clientWidth, PLOT_HEIGHT]
  if (canvas.width !== Math.round(width * ratio)) {
    canvas.width = Math.round(width * ratio)
    canvas.height = Math.round(height * ratio)
  }
  const context = canvas.getContext('2d')
  if (context === null || width === 0) {
    return
  }
  const style = getComputedStyle(canvas)
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.clearRect(0, 0, width, height)
  const x = (ms: number): number => placeOf(ms) * width
  context.strokeStyle = style.getPropertyValue('--grid')
  context.lineWidth = 1
  ticks.forEach((ms) => line(context, x(ms), height))
  if (plotted.roundTrip > 0) {
    context.strokeStyle = style.getPropertyValue('--mark')
    context.setLineDash([3, 3])
    line(context, x(plotted.roundTrip), height)
    context.setLineDash([])
  }
  kinds.forEach((kind, lane) => {
    const y = 3 + lane * LANE + LANE / 2
    context.fillStyle = style.getPropertyValue(`--${kind}`)
    for (const { ms, time, error } of plotted.samples.get(kind) ?? []) {
      const age = (plotted.now - time) / 20_000
      context.globalAlpha = Math.max(0.06, 0.5 * (1 - age))
      if (error === '') {
        context.beginPath()
        context.arc(x(ms), y + jitter(time) * 4, 2.2, 0, 7)
        context.fill()
      } else {
        context.fillRect(x(ms) - 3, y - 1, 6, 1.5)
        context.fillRect(x(ms) - 0.75, y - 3, 1.5, 6)
      }
    }
    context.globalAlpha = 1
    const { median, p99 } = plotted.marks.get(kind) ?? {}
    if (median !== undefined) {
      context.fillRect(x(median) - 1, y - 7, 2, 14)
    }
    if (p99 !== undefined) {
      context.fillRect(x(p99) - 0.5, y - 4, 1, 8)
    }
  })
}

export const ticks: readonly number[] = [1, 10, 100, 1000]

/** Where milliseconds are on the axis, from 0 to 1. */
export function placeOf(ms: number): number {
  const bounded = Math.min(Math.max(ms, LEAST_MS), MOST_MS)
  return Math.log(bounded / LEAST_MS) / Math.log(MOST_MS / LEAST_MS)
}

function line(context: CanvasRenderingContext2D, x: number, height: number): void {
  context.beginPath()
  context.moveTo(Math.round(x) + 0.5, 0)
  context.lineTo(Math.round(x) + 0.5, height)
  context.stroke()
}

/** The same dot stays where it is from one drawing to the next. */
function jitter(time: number): number {
  return ((time * 7919) % 200) / 100 - 1
}
