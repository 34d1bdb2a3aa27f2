/** What the tests of the MySQL store share: its clients, and tables that nobody else uses. */
import * as mariadb from 'mariadb'
import mysqlCallback from 'mysql2'
import mysql from 'mysql2/promise'
import type { MysqlClient } from '../../src/stores/mysql.ts'

/** A client as an application has it. */
export interface Connected {
  readonly client: MysqlClient
  close(): Promise<unknown>
}

/** Every client that the store is promised to work with, connected to the server of that URL. */
export const CLIENTS: Readonly<Record<string, (url: string) => Promise<Connected>>> = {
  'a pool of mysql2/promise': async (url) => {
    const client = mysql.createPool(url)
    return { client, close: () => client.end() }
  },

  'a pool of mariadb': async (url) => {
    const client = mariadb.createPool(mariadbUrl(url))
    return { client, close: () => client.end() }
  },

  'a connection of mysql2/promise that counts only rows that change': async (url) => {
    const client = await mysql.createConnection({ uri: url, flags: ['-FOUND_ROWS'] })
    return { client, close: () => client.end() }
  },

  'a pool of mysql2 that an application has set to its taste': async (url) => {
    const client = mysqlCallback.createPool({
      uri: url,
      charset: 'latin1',
      namedPlaceholders: true,
      nestTables: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      typeCast: (field, next) => (field.type === 'LONGLONG' ? new Date(Number(field.string())) : next()),
    })
    return { client, close: () => client.promise().end() }
  },

  'a connection of mariadb that an application has set to its taste': async (url) => {
    const client = await mariadb.createConnection({
      ...optionsOf(url),
      charset: 'latin1',
      foundRows: false,
      namedPlaceholders: true,
      nestTables: true,
      bigIntAsNumber: true,
      typeCast: (column, next) => (['BIGINT'].includes(column.type) ? new Date(column.int() ?? 0) : next()),
    })
    return { client, close: () => client.end() }
  },
}

/** The parts of a URL, for a client that takes them with further options. */
export function optionsOf(url: string) {
  const { hostname: host, port, username: user, password, pathname } = new URL(url)
  return { host, port: Number(port || 3306), user, password, database: pathname.slice(1) }
}

/** A URL as the mariadb client wants it. */
export function mariadbUrl(url: string): string {
  return url.replace(/^mysql:/, 'mariadb:')
}

let tables = 0

/** A name that no other test uses. */
export function newTable(): string {
  return `sessions_${process.pid}_${++tables}`
}
