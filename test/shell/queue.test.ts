import { describe, expect, it } from 'vitest'
import type { SessionRecord } from '../../src/core/record.ts'
import { Queue } from '../../src/shell/queue.ts'
import { Gate } from '../support/gate.ts'
import { rejection, settled } from '../support/scene.ts'

const failure = new Error('on purpose')
const record = (version: number): SessionRecord => ({ version }) as SessionRecord

describe('turns of one session', () => {
  it('come one after another, in the order in which they were asked for', async () => {
    const queue = new Queue()
    const said: string[] = []
    const gates = [new Gate(), new Gate(), new Gate()]
    const turns = gates.map((gate, at) =>
      queue.run('x', async () => {
        said.push(`begins ${at}`)
        await gate.pass()
        said.push(`ends ${at}`)
        return at
      }),
    )
    gates[2]!.open()
    gates[1]!.open()
    await settled()
    expect(said).toEqual(['begins 0'])
    gates[0]!.open()
    expect(await Promise.all(turns)).toEqual([0, 1, 2])
    expect(said).toEqual(['begins 0', 'ends 0', 'begins 1', 'ends 1', 'begins 2', 'ends 2'])
  })

  it('begin at once when nobody stands in line', () => {
    let begun = false
    void new Queue().run('x', async () => (begun = true))
    expect(begun).toBe(true)
  })

  it.each([
    ['rejects', () => Promise.reject(failure)],
    [
      'throws at once',
      () => {
        throw failure
      },
    ],
  ])('go on when one of them %s, and only who asked for it is told', async (_, turn) => {
    const queue = new Queue()
    const failed = [rejection(queue.run('x', turn)), rejection(queue.run('x', turn))]
    const next = queue.run('x', async () => 'done')
    expect(await Promise.all(failed)).toEqual([failure, failure])
    expect(await next).toBe('done')
    expect(queue.isBusy('x')).toBe(false)
    expect(await queue.run('x', async () => 'again')).toBe('again')
  })

  it('of which one asks for another do not wait for each other in a circle when nobody awaits it', async () => {
    const queue = new Queue()
    let inner!: Promise<string>
    await queue.run('x', async () => {
      inner = queue.run('x', async () => 'inner')
    })
    expect(await inner).toBe('inner')
  })

  it('leave nothing behind', async () => {
    const queue = new Queue()
    const gate = new Gate()
    const turns = ['a', 'a', 'b'].map((id) => queue.run(id, () => gate.pass()))
    expect([queue.isBusy('a'), queue.isBusy('b'), queue.isBusy('c')]).toEqual([true, true, false])
    gate.open()
    await Promise.all(turns)
    expect([queue.isBusy('a'), queue.isBusy('b')]).toEqual([false, false])
  })

  it('hand on what they left, to those in the same line alone', async () => {
    const queue = new Queue()
    const seen: (number | undefined)[] = []
    const turn = (version: number) => async (line: { latest: SessionRecord | undefined }) => {
      seen.push(line.latest?.version)
      line.latest = record(version)
    }
    await Promise.all([queue.run('x', turn(1)), queue.run('x', turn(2)), queue.run('y', turn(3))])
    await queue.run('x', turn(4))
    expect(seen).toEqual([undefined, undefined, 1, undefined])
  })
})

describe('turns of different sessions', () => {
  it('do not wait for each other', async () => {
    const queue = new Queue()
    const gate = new Gate()
    const held = queue.run('x', () => gate.pass())
    expect(await queue.run('y', async () => 'done')).toBe('done')
    gate.open()
    await held
  })
})
