/**
 * What starting an engine takes: a port, a folder, a user, and patience.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The user of that name, when this process is root: for programs that refuse to run as root. */
export function userNamed(name) {
  if (process.getuid?.() !== 0) return undefined
  const idOf = (flag) => Number(execFileSync('id', [flag, name], { encoding: 'utf8' }))
  return { uid: idOf('-u'), gid: idOf('-g') }
}

export function newFolder(name) {
  return mkdtempSync(join(tmpdir(), `sojourn-bench-${name}-`))
}

export function removeFolder(folder) {
  // A process that has just ended may still have been writing a file.
  rmSync(folder, { recursive: true, maxRetries: 10 })
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** Waits until somebody listens on a port. */
export async function listening(port, tries = 200) {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
  } catch (error) {
    if (tries === 0) throw error
    await new Promise((resolve) => setTimeout(resolve, 50))
    return listening(port, tries - 1)
  } finally {
    socket.destroy()
  }
}
