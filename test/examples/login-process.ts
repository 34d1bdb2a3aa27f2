import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** An example, running as a process of its own. */
export interface ExampleProcess {
  origin: string
  /** What it printed when it was ready. */
  greeting: string
  /** Ends it with a signal; gives its exit code, null when the signal killed it. */
  stop(signal: NodeJS.Signals): Promise<number | null>
}

/** Starts `examples/express-login/main.js` on a free port, with its files in `folder`. */
export function startLogin(folder: string, env: NodeJS.ProcessEnv = {}): Promise<ExampleProcess> {
  return startExample('express-login', { DATA_DIR: folder, ...env })
}

/** Starts an example's `main.js` on a free port. */
export async function startExample(name: string, env: NodeJS.ProcessEnv): Promise<ExampleProcess> {
  const child = spawn(process.execPath, [`examples/${name}/main.js`], {
    env: { ...process.env, NODE_ENV: 'development', HOST: 'localhost', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line)
    if (line.startsWith('Listening')) break
  }
  const greeting = lines.join('\n')
  const origin = /http:[^ ,]+/.exec(greeting)?.[0]
  if (!origin) throw new Error(`The application did not start; it printed: ${greeting}`)
  return {
    origin,
    greeting,
    async stop(signal) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      const [code = null]: (number | null)[] = await ended
      return code
    },
  }
}
