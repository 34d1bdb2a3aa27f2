import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { hash, verify } from '@node-rs/argon2'
import { sqliteTable } from './users-sqlite.js'

/** Opens the users: in MongoDB when there is a `mongoUrl`, else in a SQLite file in `folder`, else in memory. */
export async function openUsers({ mongoUrl, folder }) {
  if (mongoUrl) {
    const { mongooseTable } = await import('./users-mongoose.js') // whoever does without need not load the driver
    return users(await mongooseTable(mongoUrl))
  }
  return users(await sqliteTable(folder ? join(folder, 'users.sqlite') : ':memory:'))
}

/** The users on top of a table `{ find, insert, all, close }`. A password is kept as its argon2id hash only. */
async function users(table) {
  // Verified when the name is unknown, so that the time an answer takes does not tell which names exist.
  const nobodysHash = await hash(randomBytes(32))

  return {
    /** Gives `{ id, name }` when there is such a user with that password, else `undefined`. */
    async authenticate(name, password) {
      if (typeof name !== 'string' || typeof password !== 'string') return undefined
      const found = await table.find(name)
      const isRight = await verify(found?.passwordHash ?? nobodysHash, password)
      return found && isRight ? { id: found.id, name: found.name } : undefined
    },

    /** Adds a user; one who is there already is left alone. */
    async add(name, password) {
      if (!(await table.find(name))) await table.insert({ name, passwordHash: await hash(password) })
    },

    /** Gives everybody as `{ id, name }`, by name. */
    all: () => table.all(),

    close: () => table.close(),
  }
}
