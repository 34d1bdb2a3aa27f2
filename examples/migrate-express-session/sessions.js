/**
 * The three steps of the way, each as the middleware that it takes. They share the Redis, the secret and the browsers.
 */
import { RedisStore } from 'connect-redis'
import expressSession from 'express-session'
import { createSessions } from 'sojourn'
import { session } from 'sojourn/express'
import dropIn from 'sojourn/express-session'
import { fromExpressSession } from 'sojourn/migrate'
import { redisStore } from 'sojourn/redis'

export const steps = {
  /** Where the application comes from. */
  'express-session': ({ client, secret }) =>
    expressSession({ secret, store: new RedisStore({ client }), resave: false, saveUninitialized: false }),

  /** One import is another: the same call, the same cookie, the same rows. */
  'drop-in': ({ client, secret }) =>
    dropIn({ secret, store: new RedisStore({ client }), resave: false, saveUninitialized: false }),

  /** Sojourn's own: whoever comes with the old cookie gets a token in its place. */
  native: ({ client, secret }) =>
    session(
      createSessions({
        store: redisStore({ client }),
        from: fromExpressSession({ secret, store: new RedisStore({ client }) }),
        principal: (data) => data.user?.name,
      }),
    ),
}
