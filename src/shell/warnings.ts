/**
 * Warnings that the configuration is weaker than it looks: once each, and not while somebody develops.
 *
 * @module
 */
import type { Events } from './events.ts'
import type { Shell } from './shell.ts'

export function warner(events: Events): Shell['warnOnce'] {
  const said = new Set<string>()
  return (reason, message) => {
    // Node's own convention: unset means development.
    const development = ['development', 'test', undefined].includes(process.env['NODE_ENV'])
    if (development || said.has(reason)) return
    said.add(reason)
    events.emit('warning', { reason })
    process.emitWarning(message, { code: reason })
  }
}
