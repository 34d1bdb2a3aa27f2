/**
 * The clients for Redis, made one: a command goes to the node that has its key.
 *
 * Typed by the few methods that are called, so that a client's new major breaks nobody.
 *
 * @module
 */
import { ConfigError } from '../core/errors.ts'
import { toText } from './_redis-values.ts'

/** A client of node-redis 4 and later: what `createClient()` gives, or any object that sends one command. */
export interface NodeRedisClient {
  sendCommand(command: string[]): Promise<unknown>
}

/** What `createCluster()` of node-redis gives. */
export interface NodeRedisCluster {
  readonly masters: readonly object[]
  nodeClient(master: object): unknown
  sendCommand(firstKey: string | undefined, isReadonly: boolean, command: string[]): Promise<unknown>
}

/** What `createSentinel()` of node-redis 5 and later gives. */
export interface NodeRedisSentinel {
  getMasterNode(): unknown
  sendCommand(isReadonly: boolean, command: string[]): Promise<unknown>
}

/** A client of ioredis 5 and later: `new Redis()`, with or without sentinels, or `new Cluster()`. */
export interface IoRedisClient {
  call(name: string, ...args: string[]): Promise<unknown>
  nodes?(role: 'master'): IoRedisClient[]
  options?: { keyPrefix?: string | Uint8Array | undefined }
}

/** The application's own client, connected by the application, and closed by it. */
export type RedisClient = NodeRedisClient | NodeRedisCluster | NodeRedisSentinel | IoRedisClient

/** Sends one command: its name, then its arguments. */
export type Send = (command: string[]) => Promise<unknown>

/** What the store asks of a client. */
export interface Connection {
  /** Sends a command to the node that has the key, and never to a replica of it. */
  send(key: string, command: string[]): Promise<unknown>
  /** Gives a way to each node that has keys of its own. */
  nodes(): Promise<Send[]>
  /** What the client itself puts before every key. */
  readonly keyPrefix: string
}

/** Finds out what kind of client this is. @throws ConfigError when it is none that can be used */
export function connectionTo(client: RedisClient): Connection {
  if (typeof client !== 'object' || client === null) throw unfit('there is none')
  refuseTraps(client)
  // `call` is ioredis's alone; a cluster of node-redis has masters, and a way to the client of each.
  if (isIoRedis(client)) return overIoRedis(client)
  if (typeof (client as NodeRedisClient).sendCommand !== 'function') throw unfit('this one has neither')
  if ('nodeClient' in client) return overCluster(client)
  if ('getMasterNode' in client) return overOne((command) => client.sendCommand(false, command))
  return overOne((command) => client.sendCommand(command))
}

// --- internal ---

/** A client knows no node of its cluster before it is connected; what knows none would seem to be empty. */
const KNOCK = ['ping']

function overOne(send: Send): Connection {
  return { send: (_, command) => send(command), nodes: async () => [send], keyPrefix: '' }
}

function overCluster(cluster: NodeRedisCluster): Connection {
  return {
    // Not as a read, even where it is one: with `useReplicas` a replica would answer, and it may lag behind a logout.
    send: (key, command) => cluster.sendCommand(key, false, command),
    nodes: async () => {
      await cluster.sendCommand(undefined, false, KNOCK)
      const clients = await Promise.all(cluster.masters.map(async (master) => cluster.nodeClient(master)))
      return clients.map((client) => (command) => (client as NodeRedisClient).sendCommand(command))
    },
    keyPrefix: '',
  }
}

function overIoRedis(client: IoRedisClient): Connection {
  const sender =
    (node: IoRedisClient): Send =>
    ([name, ...args]) =>
      node.call(name!, ...args)
  const send = sender(client)
  return {
    send: (_, command) => send(command),
    nodes: async () => {
      if (!client.nodes) return [send]
      await send(KNOCK)
      return client.nodes('master').map(sender)
    },
    keyPrefix: toText(client.options?.keyPrefix) ?? '',
  }
}

function isIoRedis(client: RedisClient): client is IoRedisClient {
  return typeof (client as IoRedisClient).call === 'function'
}

/** Clients that look right and are not. */
function refuseTraps(client: object): void {
  const { options } = client as { options?: Record<string, unknown> }
  const { legacyMode, scaleReads, role } = options ?? {}
  if (legacyMode === true) {
    throw new ConfigError(
      'redisStore: a client in legacy mode takes callbacks. Give `client.v4`, or leave legacyMode out.',
    )
  }
  if (scaleReads !== undefined && scaleReads !== 'master') {
    throw new ConfigError(
      "redisStore: with `scaleReads` a replica answers, which may still have a session that has been logged out. Give a client with scaleReads: 'master'.",
    )
  }
  if (role === 'slave') {
    throw new ConfigError("redisStore: this client goes to a replica. Give one with role: 'master'.")
  }
}

function unfit(what: string): ConfigError {
  return new ConfigError(
    `redisStore needs a client that has \`sendCommand\` (node-redis 4 and later) or \`call\` (ioredis 5 and later); ${what}. Give redisStore({ client }).`,
  )
}
