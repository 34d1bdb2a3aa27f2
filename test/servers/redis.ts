/** Redis for the tests: a single server, a cluster of three masters, and a master with a replica and three sentinels. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ask } from './_ask.ts'
import { freePort, newFolder, ServerProcess, until } from './_process.ts'
import { type Needed, pathOf } from './suite.ts'

/** For suites that any Redis will do for. */
export const redis: Needed = { program: 'redis-server', debian: 'redis-server', url: 'REDIS_URL' }

/** For suites that kill it, fill it, or need several. */
export const ownRedis: Needed = { program: 'redis-server', debian: 'redis-server' }

/** Where a Redis listens. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** A Redis of our own. */
export interface RedisServer extends Address {
  readonly url: string
  readonly process: ServerProcess
  /** Sends a command, its words between spaces, and gives the answer as it came over the wire. */
  ask(command: string): Promise<string>
  stop(): Promise<void>
}

/** Gives the server that REDIS_URL names, or starts one. */
export async function openRedis(): Promise<Pick<RedisServer, 'url' | 'stop'>> {
  const url = process.env['REDIS_URL']
  return url === undefined ? startRedis() : { url, stop: async () => {} }
}

/** Starts a Redis that keeps nothing on disk, unless `settings` say so. */
export async function startRedis(settings: readonly string[] = [], name = 'redis'): Promise<RedisServer> {
  const server = await redisServer(settings, name)
  await server.process.start()
  return server
}

/** Every acknowledged write is on the disk: what kill -9 does not take away. */
export const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always']

export interface RedisCluster {
  readonly nodes: readonly RedisServer[]
  stop(): Promise<void>
}

const SLOTS = 16_384

/** Starts three masters and waits until each knows that the cluster is whole. */
export async function startRedisCluster(more: readonly string[] = []): Promise<RedisCluster> {
  const settings = [
    ...more,
    '--cluster-enabled',
    'yes',
    '--cluster-node-timeout',
    '2000',
    '--cluster-announce-ip',
    '127.0.0.1',
  ]
  const nodes = await Promise.all([1, 2, 3].map((n) => startRedis(settings, `redis-node-${n}`)))
  for (const [n, node] of nodes.entries()) {
    const slots = Array.from({ length: SLOTS }, (_, slot) => slot).filter(
      (slot) => Math.floor((slot * 3) / SLOTS) === n,
    )
    await node.ask(`cluster addslots ${slots.join(' ')}`)
    await node.ask(`cluster set-config-epoch ${n + 1}`)
    if (n > 0) await node.ask(`cluster meet 127.0.0.1 ${nodes[0]!.port}`)
  }
  await until('the cluster is whole', async () => {
    const infos = await Promise.all(nodes.map((node) => node.ask('cluster info')))
    return infos.every((info) => info.includes('cluster_state:ok') && info.includes('cluster_size:3'))
  })
  return { nodes, stop: () => stopAll(nodes) }
}

export interface RedisSentinel {
  /** The name by which clients ask for the master. */
  readonly name: string
  readonly master: RedisServer
  readonly replica: RedisServer
  readonly sentinels: readonly Address[]
  /** Waits until the sentinels name the replica as the master, and it is one. */
  failedOver(): Promise<void>
  stop(): Promise<void>
}

/** Starts a master and a replica, and three sentinels that find a master dead after a second. */
export async function startRedisSentinel(): Promise<RedisSentinel> {
  const master = await startRedis([], 'redis-master')
  const following = ['--replicaof', '127.0.0.1', String(master.port), '--repl-diskless-sync-delay', '0']
  const replica = await startRedis(following, 'redis-replica')
  // Before the sentinels start: they ask the master for its replicas at once, and then only each ten seconds.
  await until('the replica follows', async () => (await master.ask('info replication')).includes('state=online'))
  const sentinels = await Promise.all([1, 2, 3].map((n) => startSentinel(n, master.port)))
  const all = [master, replica, ...sentinels]
  await until('the sentinels know the replica and each other', async () => {
    const known = await Promise.all(sentinels.map((sentinel) => sentinel.ask(`sentinel master ${NAME}`)))
    return known.every((master) => /num-slaves\r\n\$1\r\n1\r\n.*num-other-sentinels\r\n\$1\r\n2\r\n/s.test(master))
  })
  return {
    name: NAME,
    master,
    replica,
    sentinels,
    failedOver: () =>
      until('the replica has become the master', async () => {
        const named = await Promise.all(sentinels.map(({ ask }) => ask(`sentinel get-master-addr-by-name ${NAME}`)))
        const isMaster = (await replica.ask('role')).includes('master')
        return isMaster && named.every((address) => address.includes(String(replica.port)))
      }),
    stop: () => stopAll(all),
  }
}

// --- internal ---

const NAME = 'sojourn'

async function startSentinel(n: number, masterPort: number): Promise<RedisServer> {
  const folder = newFolder(`sentinel-${n}`)
  const port = await freePort()
  const file = join(folder, 'sentinel.conf')
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder}`,
    `sentinel monitor ${NAME} 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds ${NAME} 1000`,
    `sentinel failover-timeout ${NAME} 3000`,
  ]
  writeFileSync(file, lines.join('\n'))
  const server = describeServer(`sentinel-${n}`, folder, port, [file, '--sentinel'])
  await server.process.start()
  return server
}

async function redisServer(settings: readonly string[], name: string): Promise<RedisServer> {
  const folder = newFolder(name)
  const port = await freePort()
  const usual = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', '', '--appendonly', 'no']
  return describeServer(name, folder, port, [...usual, ...settings])
}

function describeServer(name: string, folder: string, port: number, args: readonly string[]): RedisServer {
  const ready = async (): Promise<boolean> => /PONG|NOAUTH/.test(await ask(port, 'ping'))
  const server = new ServerProcess({ name, command: pathOf(ownRedis), args, folder, ready })
  return {
    host: '127.0.0.1',
    port,
    url: `redis://127.0.0.1:${port}`,
    process: server,
    ask: (command) => ask(port, command),
    stop: () => server.stop(),
  }
}

async function stopAll(servers: readonly { stop(): Promise<void> }[]): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()))
}
