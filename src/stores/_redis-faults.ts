/**
 * What can be wrong with a Redis, and what to do about it.
 *
 * A reply of failure begins with its code in capitals; one that a script met has it behind a minus in the middle
 * (Redis 6) or in front (Redis 7).
 *
 * @see https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors
 * @module
 */
import { SojournError, StoreError } from '../core/errors.ts'

/** Whether a node does not know a script by its name. */
export function isNoScript(error: unknown): boolean {
  return codeOf(error) === 'NOSCRIPT'
}

/** Whether a key holds something that is no hash, no sorted set or no text of ours. */
export function isWrongType(error: unknown): boolean {
  return codeOf(error) === 'WRONGTYPE'
}

/** Gives a client's error as one of ours, with the remedy; one that is ours already is given back. */
export function toStoreError(error: unknown): SojournError {
  if (error instanceof SojournError) return error
  const code = codeOf(error)
  return new StoreError(`Redis: ${(code && REMEDIES[code]) ?? UNREACHABLE}`, { cause: withoutArguments(error) })
}

const REMEDIES: Record<string, string> = {
  OOM: 'its memory is full (maxmemory), and it refuses writes. Raise maxmemory, or keep less in it; do not let it evict sessions.',
  READONLY:
    'this is a replica, which takes no writes. Connect to the master, or through sentinels; after a failover let the client reconnect (ioredis: reconnectOnError).',
  NOAUTH: 'it asks for a password. Give the client username and password.',
  WRONGPASS: 'it does not accept the username and password. Correct those of the client.',
  NOPERM:
    'the user may not do this. Allow it HMGET, GET, ZRANGE, ZREM, SCAN, EVAL and EVALSHA with what the scripts call, on the keys of the prefix (docs/stores/redis.md has the ACL rule).',
  LOADING: 'it is still loading its data after a start. Wait; it will answer by itself.',
  MASTERDOWN: 'its master is down. Wait for the failover, or start the master.',
  CLUSTERDOWN: 'the cluster lacks a node for some of its slots. Start the node, or give each master a replica.',
  TRYAGAIN: 'a slot is being moved between nodes. Try again.',
  MOVED: 'this is a cluster, and the client is none. Give the client of a cluster: createCluster() or new Cluster().',
  CROSSSLOT: 'there is a cluster behind this client. Give the client of a cluster: createCluster() or new Cluster().',
  MISCONF: 'it cannot write to its disk, and so refuses writes. Free space on the disk; see the log of Redis.',
  NOREPLICAS: 'too few replicas follow it (min-replicas-to-write), and so it refuses writes. Start them.',
  BUSY: 'a script that is not ours has been running for long. End it with SCRIPT KILL.',
  WRONGTYPE: 'a key with the prefix of the sessions holds something else. Give redisStore a prefix of its own.',
  NOSCRIPT: 'it knows a script neither by name nor whole. See that EVAL is allowed.',
  ERR: 'it refused a command (see cause). Use Redis 6.2 or later, or Valkey, and let its scripts run.',
}

const UNREACHABLE =
  'no answer came (see cause). See that it is up and that the client is connected: node-redis wants await client.connect().'

/** In front, or where a script was called; `ERR` tells only that nothing better is known. */
const CODES = new RegExp(`(?:^|[\\s-])(${Object.keys(REMEDIES).join('|').replace('|ERR', '')})\\b`)

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  return CODES.exec(error.message)?.[1] ?? /^ERR\b/.exec(error.message)?.[0]
}

/** ioredis hangs the whole command on its errors; a log must not show what people keep in their sessions. */
function withoutArguments(error: unknown): unknown {
  const command = (error as { command?: { args?: unknown } } | undefined)?.command
  if (typeof command === 'object' && command !== null) delete command.args
  return error
}
