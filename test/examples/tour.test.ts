import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, expect, it, vi } from 'vitest'
import { memoryStore, type Store } from '../../src/index.ts'

interface Steps {
  tour: (on: { store: Store; print: (line: string) => void }) => Promise<void>
}
const { tour }: Steps = await import(new URL('../../examples/express-login/tour/steps.js', import.meta.url).href)

const FIRST_LINE_OF_STEP = /^(\d) {2}/

afterEach(() => void vi.restoreAllMocks())

it('shows the seven steps on one screen, and none of its secrets', async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['examples/express-login/tour.js'])
  const lines = stdout.trimEnd().split('\n')

  expect(lines.flatMap((line) => FIRST_LINE_OF_STEP.exec(line)?.[1] ?? [])).toEqual('1234567'.split(''))
  expect(lines.length).toBeLessThanOrEqual(50)
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100)
  expect(lines.at(-1)).toBe('All seven steps were as promised.')
  expect(stdout).toMatch(/set-cookie: sid=[\w-]{6}….[\w-]{3}…;/)
  expect(stdout + stderr).not.toMatch(/[\w-]{22}/) // neither a secret nor a whole id
})

it('ends with another exit code when a step is not as promised', async () => {
  const losesCookies = `import { ServerResponse } from 'node:http'
    const { setHeader } = ServerResponse.prototype
    ServerResponse.prototype.setHeader = function (name, value) {
      return name === 'Set-Cookie' ? this : setHeader.call(this, name, value)
    }`
  const before = ['--import', `data:text/javascript,${encodeURIComponent(losesCookies)}`]
  const running = promisify(execFile)(process.execPath, [...before, 'examples/express-login/tour.js'])
  await expect(running).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^Not as promised: /) as string,
  })
})

it('goes through on a sound store', async () => {
  await expect(tour({ store: memoryStore(), print: () => {} })).resolves.toBeUndefined()
})

const failing = () => Promise.reject(new Error('connection lost'))

it.each<[what: string, methods: Partial<Store>, brokenPromise: string]>([
  ['forgets what it was given', { load: () => undefined }, 'GET /visits asks the store for (load )+save'],
  ['says that it saved, and did not', { save: () => 'saved' }, 'GET /users is answered 200'],
  ['says that it removed, and did not', { remove: () => {} }, 'GET /users leads to /session/new'],
  ['cannot be reached', { load: failing }, 'GET /visits asks the store for (load )+save'],
])('stops at a store that %s', async (_, methods, brokenPromise) => {
  vi.spyOn(console, 'error').mockReturnValue() // the application tells of the store's failure there
  const store = Object.assign(Object.create(memoryStore()) as Store, methods)
  await expect(tour({ store, print: () => {} })).rejects.toMatchObject({
    message: expect.stringContaining(`Not as promised: ${brokenPromise}`),
  })
})
