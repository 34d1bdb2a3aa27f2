import { randomBytes } from 'node:crypto'
import { expressApp } from '../express-app.js'
import { floor } from '../floor.js'
import { bare, express, expressSession, sojourn } from './_libraries.js'

export const inMemory = [
  { name: 'bare', role: 'bare', ...express('none'), app: () => expressApp(bare()) },
  { name: 'floor', role: 'floor', ...express('memory'), app: () => expressApp(floor(new Map())) },
  {
    name: 'sojourn',
    role: 'ours',
    ...express('memory', 'sojourn', 'sojourn/express'),
    app: async () => expressApp(await sojourn((await import('sojourn')).memoryStore())),
  },
  {
    name: 'sojourn-sealed',
    role: 'variant',
    ...express('memory', 'sojourn', 'sojourn/express', 'sojourn/sealed'),
    async app() {
      const [{ memoryStore }, { sealed }] = await Promise.all([import('sojourn'), import('sojourn/sealed')])
      return expressApp(await sojourn(sealed(memoryStore(), { keys: [{ id: 'k1', secret: randomBytes(32) }] })))
    },
  },
  {
    name: 'express-session',
    role: 'peer',
    ...express('memory', 'express-session'),
    app: async () => expressApp(await expressSession({})),
  },
  {
    name: 'drop-in',
    role: 'variant',
    ...express('memory', 'sojourn', 'sojourn/express-session'),
    app: async () => expressApp(await expressSession({}, 'sojourn/express-session')),
  },
]
