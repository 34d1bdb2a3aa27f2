/**
 * News of saves and removals made elsewhere, over a channel: what the scripts publish.
 *
 * @module
 */
import { ConfigError } from '../core/errors.ts'
import type { Store } from '../core/store.ts'
import { toText } from './_redis-values.ts'

/** A client of node-redis that only listens: `client.duplicate()`. */
export interface NodeRedisSubscriber {
  subscribe(channel: string, listener: (message: unknown) => void): Promise<unknown>
  unsubscribe(channel: string, listener: (message: unknown) => void): Promise<unknown>
}

/** A client of ioredis that only listens: `client.duplicate()`. */
export interface IoRedisSubscriber {
  call: unknown
  subscribe(channel: string): Promise<unknown>
  unsubscribe(channel: string): Promise<unknown>
  on(event: 'message', listener: (channel: string, message: string) => void): unknown
  off(event: 'message', listener: (channel: string, message: string) => void): unknown
}

/** The application's own client for listening, beside the one for commands. */
export type RedisSubscriber = NodeRedisSubscriber | IoRedisSubscriber

/** Gives `changes` of a store that publishes on the channel: one subscription, however many listen. */
export function changesOn(subscriber: RedisSubscriber, channel: string): NonNullable<Store['changes']> {
  if (typeof (subscriber as NodeRedisSubscriber | null)?.subscribe !== 'function') {
    throw new ConfigError('redisStore: `subscriber` cannot subscribe. Give client.duplicate(), connected.')
  }
  const listeners = new Set<{ hear(id: string): void }>()
  const tell = (message: unknown): void => {
    const id = toText(message)
    if (id !== undefined) for (const listener of listeners) listener.hear(id)
  }
  const subscription =
    'call' in subscriber ? overIoRedis(subscriber, channel, tell) : overNodeRedis(subscriber, channel, tell)
  return (hear) => {
    const listener = { hear }
    if (listeners.size === 0) subscription.begin().catch(warn)
    listeners.add(listener)
    return () => {
      // Should that fail, the connection is gone, and the subscription with it.
      if (listeners.delete(listener) && listeners.size === 0) subscription.end().catch(() => undefined)
    }
  }
}

// --- internal ---

interface Subscription {
  begin(): Promise<unknown>
  end(): Promise<unknown>
}

function overNodeRedis(
  subscriber: NodeRedisSubscriber,
  channel: string,
  tell: (message: unknown) => void,
): Subscription {
  return {
    begin: () => subscriber.subscribe(channel, tell),
    end: () => subscriber.unsubscribe(channel, tell),
  }
}

function overIoRedis(subscriber: IoRedisSubscriber, channel: string, tell: (message: unknown) => void): Subscription {
  const hear = (from: string, id: string): void => {
    if (from === channel) tell(id)
  }
  return {
    begin() {
      subscriber.on('message', hear)
      return subscriber.subscribe(channel)
    },
    end() {
      subscriber.off('message', hear)
      return subscriber.unsubscribe(channel)
    },
  }
}

/** Nobody waits for a subscription; but who counts on news must learn that there will be none. */
function warn(error: unknown): void {
  process.emitWarning(
    `redisStore cannot subscribe to changes: ${String(error)}. Connect \`subscriber\`, and allow it the channel.`,
    { code: 'SOJOURN_REDIS_CHANGES' },
  )
}
