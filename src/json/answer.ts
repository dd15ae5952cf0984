import { STATUS_CODES } from 'node:http'
import { httpDate } from '../gateway-rules/http-date.ts'
import type { WholeResponse } from '../gateway-rules/response.ts'
import type { V2Response } from '../gateway-rules/v2-keys-answer.ts'

type Fields = Readonly<Record<string, string>>

/** What of an answer its connection decides. */
export interface AnswerFrame {
  readonly cors: Fields | undefined
  /** It is the last one of the connection. */
  readonly isLast: boolean
  readonly nowMs: number
}

/** A text as it goes over the wire. ASCII is what most answers are, and cheaper to write. */
export interface WireText {
  readonly text: string
  readonly encoding: 'latin1' | 'utf8'
}

export function wholeAnswer(answer: WholeResponse | V2Response, frame: AnswerFrame): WireText {
  if ('fields' in answer) {
    return v2Answer(answer, frame)
  }
  const { status, headers, body } = answer
  const length = Buffer.byteLength(body)
  const head = headText(status, `Content-Length: ${length}`, fieldLines(headers, frame.cors), frame)
  return { text: head + body, encoding: length === body.length ? 'latin1' : 'utf8' }
}

/** The body is written as the bytes that it is. */
function v2Answer({ status, headers, fields, body }: V2Response, frame: AnswerFrame): WireText {
  const lines = fieldLines(headers, frame.cors) + printLines(fields)
  const head = headText(status, `Content-Length: ${body.length}`, lines, frame)
  const { buffer, byteOffset, length } = body
  return {
    text: head + Buffer.from(buffer, byteOffset, length).toString('latin1'),
    encoding: 'latin1',
  }
}

/** The head of an answer whose length nobody knows yet. */
export function chunkedHead(headers: Fields, frame: AnswerFrame): string {
  return headText(200, 'Transfer-Encoding: chunked', fieldLines(headers, frame.cors), frame)
}

/** A piece of its body, in ASCII. */
export function chunk(text: string): string {
  return `${text.length.toString(16).toUpperCase()}\r\n${text}\r\n`
}

export const lastChunk = '0\r\n\r\n'

function headText(
  status: number,
  length: string,
  lines: string,
  { isLast, nowMs }: AnswerFrame,
): string {
  const date = httpDate(nowMs)
  const close = isLast ? 'Connection: close\r\n' : ''
  return `HTTP/1.1 ${status} ${reasonOf(status)}\r\n${lines}Date: ${date}\r\n${length}\r\n${close}\r\n`
}

/** As Go has it, also of a status that it has no name for. */
function reasonOf(status: number): string {
  return STATUS_CODES[status] ?? `status code ${status}`
}

const withoutCors: Fields = {}
const printed = new WeakMap<Fields, WeakMap<Fields, string>>()

/** Those of most answers are the same objects. */
function fieldLines(headers: Fields, cors: Fields = withoutCors): string {
  let byCors = printed.get(headers)
  if (byCors === undefined) {
    byCors = new WeakMap()
    printed.set(headers, byCors)
  }
  let lines = byCors.get(cors)
  if (lines === undefined) {
    lines = printFields({ ...headers, ...cors })
    byCors.set(cors, lines)
  }
  return lines
}

/** In the order of their names, as Go writes those that a handler has set. */
function printFields(fields: Fields): string {
  const names = Object.keys(fields).toSorted()
  return names.map((name) => `${name}: ${fields[name] ?? ''}\r\n`).join('')
}

/** As they stand. */
function printLines(fields: Fields): string {
  let lines = ''
  for (const name in fields) {
    lines += `${name}: ${fields[name] ?? ''}\r\n`
  }
  return lines
}
