// Passes requests on to an S3 server, each when all of it has come: HOST PORT TARGET-PORT.
//
// versitygw 1.8.0 stores what it has of a PUT whose connection ends before all of it has come, and answers 200. S3, R2
// and MinIO refuse that (IncompleteBody), and who shares a bucket has to rely on it.
import { createServer, request as ask } from 'node:http'

const [host = '', port, target] = process.argv.slice(2)

const server = createServer((request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  // Nothing is passed on of a request that ends early, and nobody waits for an answer.
  request.on('error', () => undefined)
  response.on('error', () => undefined)
  request.on('end', () => {
    const { method, url, rawHeaders } = request
    // The signature covers the host that was asked for.
    const passed = ask({
      host,
      port: target,
      method,
      path: url,
      headers: rawHeaders,
      setHost: false,
    })
    passed.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      answer.on('error', () => request.socket.destroy())
      answer.pipe(response)
    })
    passed.on('error', () => request.socket.destroy())
    passed.end(Buffer.concat(parts))
  })
})
server.listen(Number(port), host)
