/** The page of differences, and the tests that show them: no row without its test, no difference without its row. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { INTENDED, isIn } from './_intended.ts'

const page = readFileSync(new URL('../../docs/migrate/from-express-session.md', import.meta.url), 'utf8')
const rows = [...page.matchAll(/^\| ([^|]+?) \| ([^|]+?) \| ([^|]+?) \| ([^|]+?) \|$/gm)]
  .map(([, name, theirs, ours, strict]) => ({ name: name!, theirs: theirs!, ours: ours!, strict: strict! }))
  .filter(({ name }) => name !== 'difference')

/** Differences that no conversation of one browser shows, with the words of the test that does. */
const ELSEWHERE: Readonly<Record<string, readonly [file: string, words: string]>> = {
  'Headers wait for the save': ['response.test', 'not a byte of a redirect leaves'],
  'A destroyed session is not brought back': ['_races', 'stays ended, when that one'],
  'A touch is left out while a write is under way': ['_races', 'do not wait for each other to read'],
  'A response waits for what its handler began': ['response.test', 'a response waits for what its handler began'],
  'A store that does not answer is answered for': ['response.test', 'a store that never calls back'],
  'A row that is no session is none': ['bad-input.test', 'is no session: the browser gets a new one'],
  'Data that is no JSON is an error response': ['response.test', 'of data that is no JSON'],
  'What is assigned to `req.session` becomes its data': ['bad-input.test', 'that assigns an object replaces the data'],
  "Data under a method's name harms nobody": ['bad-input.test', 'that takes the name of'],
  'Every cookie of the name is tried': ['bad-input.test', 'a forged one before the right one'],
  '`auto` works in options that a function gives': ['bugs.test', 'auto works in options that a function gives'],
  'Middlewares that share a store keep their own ids and cookies': ['bugs.test', 'keep their own ids and cookies'],
  'The callback of `res.end()` is called': ['response.test', 'calls the callback of its end'],
  'HTTP/2 works': ['response.test', 'of HTTP/2 has its session'],
  'A change is stored though the client has gone': ['response.test', 'whose client has gone still leaves its change'],
  'A failed load destroys nothing': ['bugs.test', 'a failed load destroys nothing'],
  'Methods give promises': ['bugs.test', 'each method gives a promise'],
  'Warnings are process warnings': ['classes.test', 'is what express-session warns of'],
  '`DEBUG=express-session` prints nothing': ['bugs.test', 'DEBUG=express-session prints nothing'],
}

/** Of these, those that `strictCompat` turns off, with the words of the test that shows it. */
const ELSEWHERE_STRICT: typeof ELSEWHERE = {
  'Headers wait for the save': ['response.test', 'leave but for their last byte, as with express-session'],
  'A destroyed session is not brought back': ['parallel.test', 'brings back a session that was ended by'],
  'A touch is left out while a write is under way': ['parallel.test', 'touches while a write is under way'],
  'A row that is no session is none': ['bad-input.test', 'with strictCompat is the error that it is with'],
  'A response waits for what its handler began': ['parallel.test', 'lets a response overtake a %s that its handler'],
}

describe('the page of differences', () => {
  it('has a row for every intended difference, and each row its test', () => {
    const shown = [...new Set([...INTENDED.map(({ row }) => row), ...Object.keys(ELSEWHERE)])]
    expect(rows.map(({ name }) => name).toSorted()).toEqual(shown.toSorted())
  })

  it.each([...Object.entries(ELSEWHERE), ...Object.entries(ELSEWHERE_STRICT)])(
    '"%s" is shown by a test: %s',
    (_, [file, words]) => {
      const text = readFileSync(new URL(`./${file}.ts`, import.meta.url), 'utf8')
      expect(text).toContain(words)
    },
  )

  it('has a test under strictCompat for whatever that turns off', () => {
    const turnedOff = rows.filter(({ name, strict }) => name in ELSEWHERE && strict === 'as express-session')
    expect(turnedOff.map(({ name }) => name).toSorted()).toEqual(Object.keys(ELSEWHERE_STRICT).toSorted())
  })

  it.each(INTENDED.map((each) => [each.row, each] as const))('says rightly where "%s" is met', (name, each) => {
    const strict = rows.find((row) => row.name === name)!.strict
    expect(strict === 'as express-session').toBe(!isIn(each, true))
  })
})
