/**
 * Child processes, each on a core of its own where the machine has one to give.
 *
 * @module
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'

/** The core that servers run on, and the one that everything else runs on. */
export const SERVER_CORE = 0
export const LOAD_CORE = 1

const canPin = availableParallelism() > 1 && isInstalled('taskset')

/** Whether a command can be run here. */
export function isInstalled(command) {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0
}

/** Gives the words that start a command on a core; on any, when none is given. */
export function pinned(core, command, args) {
  return canPin && core !== undefined ? ['taskset', ['-c', String(core), command, ...args]] : [command, args]
}

/** Starts a Node script that answers {@link ask}; its output is kept for the case that it fails. */
export function startNode(core, script, args = [], { nodeFlags = [], env = {}, cwd } = {}) {
  const [command, words] = pinned(core, process.execPath, [...nodeFlags, script, ...args])
  const child = spawn(command, words, {
    cwd,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production', ...env },
  })
  child.said = ''
  child.stderr.on('data', (chunk) => (child.said += chunk))
  return child
}

/** Starts a program on a core; `options` may say as whom, and where. */
export function startProgram(core, program, args, options = {}) {
  const [command, words] = pinned(core, program, args)
  return spawn(command, words, { ...options, stdio: 'ignore' })
}

/** Sends a question to a child and gives its next message. */
export function ask(child, question) {
  return new Promise((resolve, reject) => {
    const settle = (fn) => (value) => {
      child.off('message', answered).off('exit', ended)
      fn(value)
    }
    const answered = settle(resolve)
    const ended = settle((code) =>
      reject(new Error(`A bench process ended (${code}) instead of answering: ${child.said}`)),
    )
    child.once('message', answered).once('exit', ended)
    if (question !== undefined) child.send(question)
  })
}

/** Waits for a child that is about to end by itself, and ends it if it does not. */
export async function stopped(child) {
  const patience = setTimeout(() => child.kill(), 5000)
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  clearTimeout(patience)
}

/** Ends a child and waits for it. */
export async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill()
  await ended
}

/** Runs a command on a core and gives what it prints. */
export function run(core, command, args) {
  const [pinnedCommand, words] = pinned(core, command, args)
  return new Promise((resolve, reject) => {
    const child = spawn(pinnedCommand, words, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let errors = ''
    child.stdout.on('data', (chunk) => (output += chunk))
    child.stderr.on('data', (chunk) => (errors += chunk))
    child.once('error', reject)
    child.once('close', (code) =>
      code === 0 ? resolve(output) : reject(new Error(`${command} ended with ${code}: ${errors}${output}`)),
    )
  })
}
