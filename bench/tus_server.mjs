// @tus/server with its file store, as its documentation sets it up: the peer of bench/resumable.
import { createServer } from 'node:http'
import { FileStore } from '@tus/file-store'
import { Server } from '@tus/server'

const [directory, port] = process.argv.slice(2)
const server = new Server({ path: '/files', datastore: new FileStore({ directory }) })

createServer((request, response) => {
  if (request.method === 'GET' && request.url === '/healthz') return response.end('ok\n')
  return server.handle(request, response)
}).listen(Number(port), '127.0.0.1')
