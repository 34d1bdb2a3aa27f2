import { redisClient } from '../../engines/clients.js'
import { expressApp } from '../express-app.js'
import { floor } from '../floor.js'
import { express, expressSession, sojourn } from './_libraries.js'

export const onRedis = [
  {
    name: 'floor-redis',
    role: 'floor',
    ...express('redis', 'redis6'),
    app: async () => expressApp(floor(await redisClient())),
  },
  {
    name: 'sojourn-redis',
    role: 'ours',
    ...express('redis', 'redis6', 'sojourn', 'sojourn/express', 'sojourn/redis'),
    async app() {
      const { redisStore } = await import('sojourn/redis')
      return expressApp(await sojourn(redisStore({ client: await redisClient() })))
    },
  },
  {
    name: 'sojourn-from-connect-redis',
    role: 'variant',
    ...express('redis', 'redis6', 'sojourn', 'sojourn/express', 'sojourn/migrate', 'connect-redis'),
    async app() {
      const { fromConnectStore } = await import('sojourn/migrate')
      return expressApp(await sojourn(fromConnectStore(await connectRedis('from-connect:'))))
    },
  },
  {
    name: 'express-session-redis',
    role: 'peer',
    library: 'express-session',
    ...express('redis', 'redis6', 'express-session', 'connect-redis'),
    app: async () => expressApp(await expressSession({ store: await connectRedis('express-session:') })),
  },
  {
    name: 'drop-in-redis',
    role: 'variant',
    ...express('redis', 'redis6', 'sojourn', 'sojourn/express-session', 'connect-redis'),
    app: async () =>
      expressApp(await expressSession({ store: await connectRedis('drop-in:') }, 'sojourn/express-session')),
  },
]

async function connectRedis(prefix) {
  const { RedisStore } = await import('connect-redis')
  return new RedisStore({ client: await redisClient(), prefix })
}
