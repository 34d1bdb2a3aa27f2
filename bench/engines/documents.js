/**
 * MongoDB and DynamoDB, which no package of Debian has: `MONGODB_URL`'s server, and otherwise what stands in for them in
 * the tests. A stand-in proves nothing about an engine; what a request costs in the process that asks it, it does.
 *
 * @module
 */
import { join } from 'node:path'
import { ask, LOAD_CORE, startNode, stop } from '../_processes.js'

const { MONGODB_URL } = process.env
const ROOT = join(import.meta.dirname, '../..')

/** Those of the URL's own database that are made use of; nothing of them stays. */
export const MONGO_COLLECTIONS = { sojourn: 'sojourn_bench', peer: 'sojourn_bench_express_session' }

export const mongodb = MONGODB_URL
  ? { start: async () => ({ env: { BENCH_MONGODB_URL: MONGODB_URL }, stop: dropCollections }) }
  : {
      standIn: 'stand-in',
      needs: ['esbuild', 'mongodb'],
      start: () => startTestServer('mongo-stand-in', 'startMongoStandIn', 'BENCH_MONGODB_URL'),
    }

export const dynamodb = {
  standIn: 'dynalite',
  needs: ['esbuild', 'dynalite', '@aws-sdk/client-dynamodb'],
  start: () => startTestServer('dynalite', 'startDynalite', 'BENCH_DYNAMODB_URL'),
}

async function dropCollections() {
  const { MongoClient } = await import('mongodb')
  const client = await new MongoClient(MONGODB_URL).connect()
  for (const name of Object.values(MONGO_COLLECTIONS)) await client.db().collection(name).drop()
  await client.close()
}

/** Starts a server of `test/servers`, which is TypeScript, in a process of its own. */
async function startTestServer(name, start, variable) {
  const { build } = await import('esbuild')
  const contents = `
    import { ${start} } from './test/servers/${name}.ts'
    process.on('disconnect', () => process.exit())
    process.send((await ${start}()).url)`
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: ROOT },
    bundle: true,
    packages: 'external',
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20',
  })
  const nodeFlags = ['--input-type=module', '--eval']
  const child = startNode(LOAD_CORE, outputFiles[0].text, [], { nodeFlags, cwd: ROOT })
  return { env: { [variable]: await ask(child) }, stop: () => stop(child) }
}
