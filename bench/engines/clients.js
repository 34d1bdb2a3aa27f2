/**
 * Clients of the engines, in a process that has the variables that say where these are.
 *
 * @module
 */
const { env } = process

export async function redisClient() {
  const { createClient } = await import('redis6')
  return createClient({ url: env.BENCH_REDIS_URL }).connect()
}

export async function postgresPool() {
  const { default: pg } = await import('pg')
  return new pg.Pool({ connectionString: env.BENCH_POSTGRES_URL })
}

export async function mysqlPool() {
  const { default: mysql } = await import('mysql2/promise')
  return mysql.createPool(env.BENCH_MYSQL_URL)
}

export async function mongoClient() {
  const { MongoClient } = await import('mongodb')
  return new MongoClient(env.BENCH_MONGODB_URL).connect()
}

export async function dynamoClient() {
  const { DynamoDB } = await import('@aws-sdk/client-dynamodb')
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' }
  return new DynamoDB({ endpoint: env.BENCH_DYNAMODB_URL, region: 'local', credentials })
}
