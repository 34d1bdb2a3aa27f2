import diagnostics from 'node:diagnostics_channel'
import { describe, expect, it } from 'vitest'
import { Events } from '../../src/shell/events.ts'
import { warnings } from '../support/warnings.ts'

const made = (): Events => new Events(() => 1000)

describe('an event', () => {
  it('is told to everybody who listens for it, with its instant', () => {
    const events = made()
    const told: unknown[] = []
    events.on('created', (event) => told.push(['first', event]))
    events.on('created', (event) => told.push(['second', event]))
    events.on('rotated', (event) => told.push(['other', event]))
    events.emit('created', { id: 'x', principal: 'alice' })
    const event = { type: 'created', at: 1000, id: 'x', principal: 'alice' }
    expect(told).toEqual([
      ['first', event],
      ['second', event],
    ])
  })

  it('may have nothing but its name', () => {
    const events = made()
    const told: unknown[] = []
    events.on('ambiguous-cookie', (event) => told.push(event))
    events.emit('ambiguous-cookie')
    expect(told).toEqual([{ type: 'ambiguous-cookie', at: 1000 }])
  })

  it('is no longer told to who has stopped listening', () => {
    const events = made()
    const told: string[] = []
    const stop = events.on('created', () => told.push('stopped'))
    events.on('created', () => told.push('listening'))
    stop()
    stop()
    events.emit('created')
    expect(told).toEqual(['listening'])
  })

  it('goes to node:diagnostics_channel under its name, listened for or not', () => {
    const told: unknown[] = []
    const subscriber = (message: unknown): void => void told.push(message)
    diagnostics.subscribe('sojourn:bad-token', subscriber)
    made().emit('bad-token', { id: 'x' })
    diagnostics.unsubscribe('sojourn:bad-token', subscriber)
    made().emit('bad-token', { id: 'y' })
    expect(told).toEqual([{ type: 'bad-token', at: 1000, id: 'x' }])
  })

  it('harms neither the request nor other listeners when a listener throws, which becomes a process warning', async () => {
    const events = made()
    const told: string[] = []
    events.on('created', () => {
      throw new Error('on purpose')
    })
    events.on('created', () => told.push('second'))
    const warned = await warnings(() => events.emit('created'))
    expect(told).toEqual(['second'])
    expect(warned).toMatchObject([
      { code: 'SOJOURN_LISTENER', message: expect.stringMatching(/"created" threw: .*on purpose.*; mend/) as string },
    ])
  })

  it('does not ask for the time when nobody listens', () => {
    let asked = 0
    new Events(() => ++asked).emit('created')
    expect(asked).toBe(0)
  })
})
