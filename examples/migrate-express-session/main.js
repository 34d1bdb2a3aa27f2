import { once } from 'node:events'
import { createServer } from 'node:http'
import { createClient } from 'redis'
import { createApp } from './app.js'
import { steps } from './sessions.js'

const {
  HOST = 'localhost',
  PORT = '3000',
  REDIS_URL = 'redis://localhost:6379',
  SESSION_SECRET = 'for trying it out only',
  STEP = 'express-session',
} = process.env

const step = steps[STEP]
if (!step) throw new Error(`STEP is one of ${Object.keys(steps).join(', ')}`)

const client = await createClient({ url: REDIS_URL })
  .on('error', (error) => console.error(error.message))
  .connect()
const server = createServer(createApp(step({ client, secret: SESSION_SECRET }))).listen(Number(PORT), HOST)
await once(server, 'listening')
console.log(`Listening on http://${HOST}:${server.address().port}, with ${STEP}`)

for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => server.close())
await once(server, 'close')
await client.close()
