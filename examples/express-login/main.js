import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { createSessions } from 'sojourn'
import { createApp } from './app.js'
import { openStore } from './stores.js'
import { openUsers } from './users.js'

const {
  DATA_DIR = join(import.meta.dirname, 'data'),
  HOST = 'localhost',
  PORT = '3000',
  MONGODB_URL,
  NODE_ENV,
  TRUST_PROXY,
} = process.env
const DEMO_USER = { name: 'ada', password: 'enchantress-of-number' }

mkdirSync(DATA_DIR, { recursive: true })
const kept = await openStore({ ...process.env, DATA_DIR })
const users = await openUsers({ mongoUrl: MONGODB_URL, folder: DATA_DIR })
const sessions = createSessions({ store: kept.store, principal: (data) => data.user?.id })
if (NODE_ENV !== 'production') {
  await users.add(DEMO_USER.name, DEMO_USER.password)
  console.log(`A user for trying it out: ${DEMO_USER.name}, password ${DEMO_USER.password}`)
}

const server = createServer(createApp({ sessions, users, trustProxy: TRUST_PROXY })).listen(Number(PORT), HOST)
await once(server, 'listening')
console.log(`Listening on http://${HOST}:${server.address().port}, sessions in ${kept.name}`)

for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => server.close())
await once(server, 'close') // those who are being answered get their answer first
await sessions.close()
await kept.close()
await users.close()
