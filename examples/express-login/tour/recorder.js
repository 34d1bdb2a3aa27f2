/** The store's commands that answer once; what lists or listens is passed through as it is. */
const COMMANDS = ['load', 'create', 'save', 'touch', 'remove', 'removeAll', 'revokedAt', 'prune']

/**
 * A store around another that writes down each command: its name, how long it took, when it was done.
 *
 * `delayMs` slows every answer down by that much, to make visible who waits for it.
 */
export function recorder(store) {
  const recording = { store: {}, commands: [], delayMs: 0 }
  for (const name of COMMANDS) {
    if (!store[name]) continue
    recording.store[name] = async (...args) => {
      const start = performance.now()
      const answer = await store[name](...args)
      if (recording.delayMs) await new Promise((resolve) => setTimeout(resolve, recording.delayMs))
      const doneAt = performance.now()
      recording.commands.push({ name, ms: doneAt - start, doneAt })
      return answer
    }
  }
  for (const name of ['list', 'scan', 'changes']) {
    if (store[name]) recording.store[name] = (...args) => store[name](...args)
  }
  return recording
}
