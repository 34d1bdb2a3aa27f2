/**
 * The lane in which calls wait for SQLite's one write lock, without holding up the event loop.
 *
 * SQLite's own waiting puts the thread to sleep. Here a call that finds the file locked becomes a promise and stands
 * in line: only the head of the line asks again, after a jittered pause, and those behind it go along in the same
 * transaction. That is also how durable writes are made cheap: one flush to the disk for all the writes of a tick.
 *
 * @module
 */
import { StoreError } from '../core/errors.ts'
import type { SojournError } from '../core/errors.ts'
import { isBusy, toStoreError } from './_sqlite-faults.ts'

/** How a lane takes its turns. */
export interface LaneOptions {
  /** Runs a statement that gives nothing back: BEGIN, COMMIT, ROLLBACK. */
  exec(sql: string): unknown
  /** Whether every write stands in line until the end of its tick, to share one commit. */
  grouped: boolean
  /** For how long (ms) a call waits for the lock before it fails. */
  limitMs: number
}

/** Of a call, the lane asks only whether somebody still waits for the answer. */
interface Caller {
  readonly signal?: AbortSignal
}

/** The way to the database. Work that met a locked file is done again, from its start. */
export interface Lane {
  /** Does the work at once; stands in line only when the file is locked even for readers. */
  read<R>(work: () => R, caller: Caller): R | Promise<R>
  /** Does the work at once, unless the lock is taken, somebody stands in line already, or writes are grouped. */
  write<R>(work: () => R, caller: Caller): R | Promise<R>
  /** Does work of several statements in one transaction, all of it or nothing, on the next turn of the event loop. */
  transact<R>(work: () => R, caller: Caller): Promise<R>
  /** Settles as soon as nobody stands in line. */
  empty(): Promise<void>
}

/** Opens the lane to a database. A call that fails throws, or rejects with, a {@link StoreError}. */
export function openLane({ exec, grouped, limitMs }: LaneOptions): Lane {
  let line: Job[] = []
  let refusals = 0
  const watchers: (() => void)[] = []

  const enter = <R>(work: () => R, { signal }: Caller): Promise<R> =>
    new Promise((resolve, reject) => {
      let result: R
      const perform = (): void => void (result = work())
      const settle = (): void => resolve(result)
      line.push({ perform, settle, fail: reject, signal, deadline: performance.now() + limitMs })
      if (line.length === 1) setImmediate(turn)
    })

  const attempt = <R>(work: () => R, caller: Caller): R | Promise<R> => {
    try {
      return work()
    } catch (error) {
      if (isBusy(error)) return enter(work, caller)
      throw toStoreError(error)
    }
  }

  const turn = (): void => {
    line = line.filter(isAwaited)
    const { served, refusal } = serve(exec, line.slice(0, MAX_GROUP))
    line = line.slice(served)
    if (refusal !== undefined) line = line.filter((job) => isInTime(job, refusal))
    refusals = refusal === undefined ? 0 : refusals + 1
    if (line.length === 0) for (const tell of watchers.splice(0)) tell()
    else if (refusals === 0) setImmediate(turn)
    else setTimeout(turn, pauseAfter(refusals))
  }

  return {
    read: attempt,
    write: (work, caller) => (grouped || line.length > 0 ? enter(work, caller) : attempt(work, caller)),
    transact: enter,
    empty: () => (line.length === 0 ? Promise.resolve() : new Promise((resolve) => watchers.push(resolve))),
  }
}

/** How many jobs share one transaction: a few milliseconds of work, so that a long line does not stall the loop. */
const MAX_GROUP = 100

/** The longest pause (ms) before the lock is asked for again. */
const MAX_PAUSE_MS = 10

/** A piece of work that stands in line. */
interface Job {
  perform(): void
  settle(): void
  fail(error: SojournError): void
  readonly signal: AbortSignal | undefined
  readonly deadline: number
}

/** How far a turn came: how many jobs, from the head on, are over; and the error, when the lock was refused. */
interface Turn {
  served: number
  refusal?: unknown
}

/** Carries jobs out in one transaction; when one of them fails, each in its own, so that none fails for another. */
function serve(exec: LaneOptions['exec'], jobs: Job[]): Turn {
  try {
    carryOut(exec, jobs)
  } catch (error) {
    if (isBusy(error)) return { served: 0, refusal: error }
    if (jobs.length > 1) return serveEach(exec, jobs)
    jobs[0]?.fail(toStoreError(error))
    return { served: jobs.length }
  }
  for (const job of jobs) job.settle()
  return { served: jobs.length }
}

function serveEach(exec: LaneOptions['exec'], jobs: Job[]): Turn {
  for (const [served, job] of jobs.entries()) {
    const { refusal } = serve(exec, [job])
    if (refusal !== undefined) return { served, refusal }
  }
  return { served: jobs.length }
}

/** IMMEDIATE, because a transaction that reads first and writes later fails at once when another wrote in between. */
function carryOut(exec: LaneOptions['exec'], jobs: Job[]): void {
  if (jobs.length === 0) return
  exec('BEGIN IMMEDIATE')
  try {
    for (const job of jobs) job.perform()
    exec('COMMIT')
  } catch (error) {
    rollBack(exec)
    throw error
  }
}

function rollBack(exec: LaneOptions['exec']): void {
  try {
    exec('ROLLBACK')
  } catch (error) {
    // After a full disk or an I/O error SQLite has already done so by itself.
    if (!(error instanceof Error && error.message.includes('no transaction is active'))) throw error
  }
}

function isAwaited({ signal, fail }: Job): boolean {
  if (!signal?.aborted) return true
  const message = 'SQLite: the caller gave up while the file was locked. Find what keeps it locked, or wait longer.'
  fail(new StoreError(message, { cause: signal.reason, timeout: true }))
  return false
}

function isInTime({ deadline, fail }: Job, refusal: unknown): boolean {
  if (performance.now() < deadline) return true
  fail(toStoreError(refusal))
  return false
}

function pauseAfter(refusals: number): number {
  return Math.random() * Math.min(MAX_PAUSE_MS, 2 ** refusals)
}
