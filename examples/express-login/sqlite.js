/** Opens a SQLite file with Node's own driver (Node 22.13 and later), else with the package that has the same class. */
export async function openDatabase(path) {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite') ?? (await import('@photostructure/sqlite'))
  const database = new DatabaseSync(path)
  database.exec('PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 1000')
  return database
}
