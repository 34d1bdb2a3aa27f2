import { openDatabase } from './sqlite.js'

/** The table of users in a SQLite file; `':memory:'` keeps it in memory. */
export async function sqliteTable(path) {
  const database = await openDatabase(path)
  database.exec(`
    CREATE TABLE IF NOT EXISTS users (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      name TEXT NOT NULL UNIQUE,
      passwordHash TEXT NOT NULL
    ) STRICT`)
  const find = database.prepare('SELECT CAST(id AS TEXT) AS id, name, passwordHash FROM users WHERE name = ?')
  const insert = database.prepare('INSERT INTO users (name, passwordHash) VALUES (?, ?)')
  const all = database.prepare('SELECT CAST(id AS TEXT) AS id, name FROM users ORDER BY name LIMIT 100')

  return {
    find: (name) => find.get(name),
    insert: ({ name, passwordHash }) => void insert.run(name, passwordHash),
    all: () => all.all(),
    close: () => database.close(),
  }
}
