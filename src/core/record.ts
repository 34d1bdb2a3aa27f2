/**
 * The record: what a session is in the store, `body` in particular.
 *
 * The body is one line of metadata, a newline, and the encoded data. The line is fields between single spaces, the
 * times in base 36, with what few sessions have as one JSON object at its end:
 *
 *     1 <hash> <mark> <created> <started|-> <authenticated|-> <saved>[ <rare>]
 *
 * A line of text rather than JSON, because it is read on every request and kept for every session.
 *
 * @module
 */
import type { Origin } from './predecessor.ts'
import type { StoredSession } from './store.ts'
import { writerOf } from './token.ts'

/** What Sojourn knows of a session beside its data. */
export interface Metadata extends Rare {
  /** Of the current token's secret. */
  readonly hash: string
  /** Random, new with each write: by it a driver's resend is told from somebody else's change. */
  readonly mark: string
  readonly createdAt: number
  /** Where the lifetime counts from: creation, or the last sign-in. */
  readonly startedAt: number
  readonly authenticatedAt: number | null
  readonly savedAt: number
}

/** What few sessions have. */
export interface Rare {
  /** When the token was last replaced by periodic rotation. */
  readonly rotatedAt?: number | undefined
  readonly previous?: PreviousToken | undefined
  /** The session's own limits, in seconds, and whether its cookie outlives the browser. */
  readonly idleTimeout?: number | undefined
  readonly lifetime?: number | undefined
  readonly persistent?: boolean | undefined
  /** Labels for its owner's list. */
  readonly userAgent?: string | undefined
  readonly address?: string | undefined
  /** The session of another library that it came from. */
  readonly origin?: Origin | undefined
  /** The latest mark of each writer shortly before this one, a comma between them, while writes follow closely. */
  readonly marks?: string | undefined
}

/** The token before the last periodic rotation. */
export interface PreviousToken {
  readonly hash: string
  /** The current secret, sealed for who holds the previous one; until the current one has been seen. */
  readonly sealed?: string
  /** When the current token was first seen. */
  readonly confirmedAt?: number
}

/** A stored session, its metadata read and its data still text. */
export interface SessionRecord {
  readonly id: string
  readonly version: number
  readonly expiresAt: number
  readonly principal: string | null
  readonly metadata: Metadata
  readonly text: string
}

/** How long before a save another one still counts as closely followed, and of how many writers the latest is remembered. */
const CLOSE_MS = 10_000
const CLOSE_MARKS = 32

const VERSION = '1'
const FIELDS = 7
/** The kind of value that each rare field has. */
const RARE: Readonly<Record<keyof Rare, (value: unknown) => boolean>> = {
  rotatedAt: isNumber,
  previous: isPreviousToken,
  idleTimeout: isNumber,
  lifetime: isNumber,
  persistent: (value) => typeof value === 'boolean',
  userAgent: isString,
  address: isString,
  origin: isOrigin,
  marks: isString,
}
const RARE_KEYS = Object.keys(RARE) as (keyof Rare)[]

/** Writes a record as stores keep it. */
export function toStored(record: SessionRecord): StoredSession {
  const { version, expiresAt, principal, metadata, text } = record
  return { version, expiresAt, principal, body: `${formatMetadata(metadata)}\n${text}` }
}

/** Reads what a store gave; `undefined` when it is not a record of ours, whatever else it may be. */
export function fromStored(id: string, stored: StoredSession): SessionRecord | undefined {
  const { version, expiresAt, principal, body } = stored
  if (typeof body !== 'string' || !Number.isSafeInteger(version) || !Number.isFinite(expiresAt)) return undefined
  const end = body.indexOf('\n')
  const metadata = end === -1 ? undefined : parseMetadata(body.slice(0, end))
  return metadata && { id, version, expiresAt, principal: principal ?? null, metadata, text: body.slice(end + 1) }
}

/** Whether this record is what a write with that mark left, or what others made of it since. */
export function bears(metadata: Metadata, mark: string): boolean {
  return metadata.mark === mark || metadata.marks?.split(',').includes(mark) === true
}

/** The marks to carry on at the next write: those of writes that a slow resend could still be met by. */
export function marksToKeep({ mark, marks, savedAt }: Metadata, now: number): string | undefined {
  if (now - savedAt >= CLOSE_MS) return undefined
  if (marks === undefined) return mark
  // The writes of one writer follow each other: by its latest it knows whether that was done.
  const others = marks.split(',').filter((each) => writerOf(each) !== writerOf(mark))
  return [...others, mark].slice(-CLOSE_MARKS).join(',')
}

export function formatMetadata(metadata: Metadata): string {
  const { hash, mark, createdAt, startedAt, authenticatedAt, savedAt } = metadata
  const started = startedAt === createdAt ? '-' : startedAt.toString(36)
  const authenticated = authenticatedAt === null ? '-' : authenticatedAt.toString(36)
  const line = `${VERSION} ${hash} ${mark} ${createdAt.toString(36)} ${started} ${authenticated} ${savedAt.toString(36)}`
  const { rotatedAt, previous, idleTimeout, lifetime, persistent, userAgent, address, origin, marks } = metadata
  const rare = { rotatedAt, previous, idleTimeout, lifetime, persistent, userAgent, address, origin, marks }
  const text = JSON.stringify(rare) // what is undefined is left out
  return text === '{}' ? line : `${line} ${text}`
}

export function parseMetadata(line: string): Metadata | undefined {
  const open = line.indexOf(' {')
  const fields = (open === -1 ? line : line.slice(0, open)).split(' ')
  if (fields[0] !== VERSION || fields.length !== FIELDS) return undefined
  const [, hash, mark, created, started, authenticated, saved] = fields as Fields
  const createdAt = parseInt(created, 36)
  const startedAt = started === '-' ? createdAt : parseInt(started, 36)
  const authenticatedAt = authenticated === '-' ? null : parseInt(authenticated, 36)
  const savedAt = parseInt(saved, 36)
  // NaN in any of them makes the sum NaN.
  if (!Number.isFinite(createdAt + startedAt + (authenticatedAt ?? 0) + savedAt)) return undefined
  const rare = open === -1 ? NONE : parseRare(line.slice(open + 1))
  if (!rare) return undefined
  // Named, not spread: this runs on every request, and what a spread has made is slow to add to.
  const { rotatedAt, previous, idleTimeout, lifetime, persistent, userAgent, address, origin, marks } = rare
  return {
    hash,
    mark,
    createdAt,
    startedAt,
    authenticatedAt,
    savedAt,
    rotatedAt,
    previous,
    idleTimeout,
    lifetime,
    persistent,
    userAgent,
    address,
    origin,
    marks,
  }
}

// --- internal ---

type Fields = [
  version: string,
  hash: string,
  mark: string,
  created: string,
  started: string,
  authenticated: string,
  saved: string,
]

const NONE: Rare = {}

/** Reads what begins like an object. */
function parseRare(text: string): Rare | undefined {
  try {
    const rare = JSON.parse(text) as Rare
    return RARE_KEYS.every((key) => !(key in rare) || RARE[key](rare[key])) ? rare : undefined
  } catch {
    return undefined // Not ours, or cut short: the caller reports the record as unreadable.
  }
}

function isPreviousToken(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { hash, sealed, confirmedAt } = value as Partial<PreviousToken>
  return (
    isString(hash) && (sealed === undefined || isString(sealed)) && (confirmedAt === undefined || isNumber(confirmedAt))
  )
}

function isOrigin(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { id, mark } = value as Partial<Origin>
  return isString(id) && isString(mark)
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number'
}

function isString(value: unknown): boolean {
  return typeof value === 'string'
}
