/**
 * A small server that speaks MongoDB's wire protocol, for exactly the commands that Sojourn's store, the login
 * example's mongoose users and connect-mongo send, and `drop` for who tidies up. It enforces unique `_id`s and indexes,
 * filters, and atomicity: each command is carried out whole, one after another. It is no MongoDB: what it cannot do, it
 * refuses with an error, never with a guess.
 *
 * @see https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { BSON } from 'mongodb'

type Document = Record<string, unknown>

export interface MongoStandIn {
  readonly url: string
  /** Every command that came, by name, since the last time it was asked. */
  takeCommands(): string[]
  /** Ends the connection on which the next command comes, with no answer, as a server that dies does. */
  cutNext(): void
  close(): Promise<void>
}

const OP_REPLY = 1
const OP_QUERY = 2004
const OP_MSG = 2013
const MAX_BSON = 16 * 1024 * 1024
const BATCH = 101

/** As a router it is told by the driver from whom a read may come; a server alone is not. */
export async function startMongoStandIn({ router = false } = {}): Promise<MongoStandIn> {
  const database = new Database(router)
  const sockets = new Set<Socket>()
  let commands: string[] = []
  let cuts = false
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy())
    serve(socket, (command) => {
      const name = Object.keys(command)[0]!
      const isOfStore = !OF_THE_CONNECTION.includes(name)
      if (isOfStore) commands.push(name)
      if (!isOfStore || !cuts) return database.run(command)
      cuts = false
      return undefined
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `mongodb://127.0.0.1:${(server.address() as AddressInfo).port}/test`,
    takeCommands() {
      const taken = commands
      commands = []
      return taken
    },
    cutNext() {
      cuts = true
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      sockets.forEach((socket) => socket.destroy())
      await closed
    },
  }
}

/** What a driver says of itself, whenever it likes. */
const OF_THE_CONNECTION = ['hello', 'ismaster', 'isMaster', 'ping', 'endSessions']

// --- the wire ---

/** Where a command has no answer, the connection ends. */
function serve(socket: Socket, run: (command: Document) => Document | undefined): void {
  let buffered = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    buffered = Buffer.concat([buffered, chunk])
    while (buffered.length >= 16 && buffered.length >= buffered.readInt32LE(0)) {
      const length = buffered.readInt32LE(0)
      const message = buffered.subarray(0, length)
      buffered = buffered.subarray(length)
      const requestId = message.readInt32LE(4)
      const isQuery = message.readInt32LE(12) === OP_QUERY
      const reply = run(isQuery ? readQuery(message) : readMessage(message))
      if (!reply) return void socket.destroy()
      socket.write(isQuery ? formatReply(requestId, reply) : formatMessage(requestId, reply))
    }
  })
}

/** OP_MSG: a document, and sequences of documents that belong into it. */
function readMessage(message: Buffer): Document {
  let command: Document = {}
  for (let at = 20; at < message.length;) {
    const kind = message[at]
    const size = message.readInt32LE(at + 1)
    const section = message.subarray(at + 1, at + 1 + size)
    if (kind === 0) command = { ...BSON.deserialize(section), ...command }
    else Object.assign(command, readSequence(section))
    at += 1 + size
  }
  return command
}

function readSequence(section: Buffer): Document {
  const end = section.indexOf(0, 4)
  const documents: Document[] = []
  for (let at = end + 1; at < section.length; at += section.readInt32LE(at)) {
    documents.push(BSON.deserialize(section.subarray(at, at + section.readInt32LE(at))))
  }
  return { [section.toString('utf8', 4, end)]: documents }
}

/** OP_QUERY: drivers still begin their first handshake with it. */
function readQuery(message: Buffer): Document {
  const at = message.indexOf(0, 20) + 9
  return BSON.deserialize(message.subarray(at, at + message.readInt32LE(at)))
}

function formatMessage(responseTo: number, reply: Document): Buffer {
  return framed(responseTo, OP_MSG, Buffer.concat([Buffer.alloc(5), BSON.serialize(reply)]))
}

function formatReply(responseTo: number, reply: Document): Buffer {
  const head = Buffer.alloc(20)
  head.writeInt32LE(1, 16)
  return framed(responseTo, OP_REPLY, Buffer.concat([head, BSON.serialize(reply)]))
}

function framed(responseTo: number, opCode: number, body: Buffer): Buffer {
  const head = Buffer.alloc(16)
  head.writeInt32LE(16 + body.length, 0)
  head.writeInt32LE(responseTo, 8)
  head.writeInt32LE(opCode, 12)
  return Buffer.concat([head, body])
}

// --- the commands ---

class CommandError extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

class Database {
  readonly #collections = new Map<string, Collection>()
  readonly #cursors = new Map<string, Document[]>()
  readonly #router: boolean
  #lastCursor = 0

  constructor(router: boolean) {
    this.#router = router
  }

  run(command: Document): Document {
    const [name = '', target] = Object.entries(command)[0] ?? []
    try {
      return { ...this.#answer(name, String(target), command), ok: 1 }
    } catch (error) {
      if (!(error instanceof CommandError)) throw error
      return { ok: 0, code: error.code, errmsg: error.message }
    }
  }

  #answer(name: string, target: string, command: Document): Document {
    const strange = Object.keys(command).filter((field) => UNDERSTOOD[name]?.includes(field) === false)
    const unknown = strange.filter((field) => !OF_THE_DRIVER.includes(field))
    if (unknown.length > 0) throw new CommandError(9, `${name} with ${unknown.join(', ')} is not understood here`)
    switch (name) {
      case 'hello':
      case 'ismaster':
      case 'isMaster':
        return this.#router ? { ...HELLO(), msg: 'isdbgrid' } : HELLO()
      // It knows no users: who shows a password has the wrong one.
      case 'saslStart':
        throw new CommandError(18, 'Authentication failed.')
      case 'ping':
      case 'endSessions':
      case 'killCursors':
        return {}
      case 'insert':
        return this.#collection(target).insert(command['documents'] as Document[])
      case 'update':
        return this.#collection(target).update(command['updates'] as UpdateStatement[])
      case 'delete':
        return this.#collection(target).delete(command['deletes'] as DeleteStatement[])
      case 'findAndModify':
        return this.#collection(target).findAndModify(command as unknown as FindAndModify)
      case 'find':
        return this.#page(target, this.#collection(target).find(command['filter'] as Document), command)
      case 'getMore':
        return this.#more(command)
      case 'aggregate':
        return this.#page(target, this.#collection(target).count(command['pipeline'] as Document[]), command)
      case 'create':
        this.#collection(target)
        return {}
      case 'drop':
        this.#collections.delete(target)
        return {}
      case 'createIndexes':
        return this.#collection(target).createIndexes(command['indexes'] as Index[])
      default:
        throw new CommandError(59, `no such command here: ${name}`)
    }
  }

  #collection(name: string): Collection {
    const collection = this.#collections.get(name) ?? new Collection()
    this.#collections.set(name, collection)
    return collection
  }

  #page(collection: string, unsorted: Document[], { limit, singleBatch, sort }: Document): Document {
    const found = sorted(unsorted, sort as Record<string, number> | undefined)
    const wanted = limit ? found.slice(0, Math.abs(Number(limit))) : found
    const firstBatch = wanted.slice(0, BATCH)
    const rest = singleBatch ? [] : wanted.slice(BATCH)
    const id = rest.length > 0 ? ++this.#lastCursor : 0
    if (id) this.#cursors.set(String(id), rest)
    return { cursor: { id: BSON.Long.fromNumber(id), ns: `test.${collection}`, firstBatch } }
  }

  #more({ getMore, collection }: Document): Document {
    const rest = this.#cursors.get(String(getMore))
    if (!rest) throw new CommandError(43, 'cursor not found')
    const nextBatch = rest.splice(0, BATCH)
    if (rest.length === 0) this.#cursors.delete(String(getMore))
    const id = BSON.Long.fromNumber(rest.length > 0 ? Number(getMore) : 0)
    return { cursor: { id, ns: `test.${String(collection)}`, nextBatch } }
  }
}

/** What each command may bring: all else would have to be guessed at. */
const UNDERSTOOD: Readonly<Record<string, readonly string[]>> = {
  insert: ['insert', 'documents', 'ordered'],
  update: ['update', 'updates', 'ordered'],
  delete: ['delete', 'deletes', 'ordered'],
  // Of a projection more is given than was asked for: whoever looks at that, looks at what is there.
  findAndModify: ['findAndModify', 'query', 'update', 'new', 'fields', 'collation', 'remove', 'upsert'],
  find: ['find', 'filter', 'limit', 'singleBatch', 'sort', 'projection', 'collation', 'batchSize'],
  createIndexes: ['createIndexes', 'indexes'],
  drop: ['drop'],
}

/** What the driver adds of its own, and is of no matter to one server that forgets nothing. */
const OF_THE_DRIVER = [
  '$db',
  'lsid',
  'txnNumber',
  'writeConcern',
  'readConcern',
  '$readPreference',
  '$clusterTime',
].concat(['bypassDocumentValidation', 'commitQuorum', 'maxTimeMS', 'apiVersion', 'comment', 'autocommit', 'stmtId'])

const HELLO = (): Document => ({
  helloOk: true,
  ismaster: true,
  isWritablePrimary: true,
  maxBsonObjectSize: MAX_BSON,
  maxMessageSizeBytes: 48_000_000,
  maxWriteBatchSize: 100_000,
  localTime: new Date(),
  minWireVersion: 0,
  maxWireVersion: 21,
  readOnly: false,
})

interface UpdateStatement {
  q: Document
  u: Document
  upsert?: boolean
  multi?: boolean
}

interface DeleteStatement {
  q: Document
  limit: number
}

interface FindAndModify {
  query: Document
  update: Document
  new?: boolean
  remove?: boolean
  upsert?: boolean
}

interface Index {
  name: string
  key: Document
  unique?: boolean
}

class Collection {
  readonly #documents = new Map<string, Document>()
  readonly #indexes = new Map<string, string>()
  readonly #unique: string[] = []

  insert(documents: Document[]): Document {
    for (const [index, document] of documents.entries()) {
      const taken = this.#taken(document)
      if (taken)
        return { n: index, writeErrors: [{ index, code: 11000, errmsg: `E11000 duplicate key error: ${taken}` }] }
      this.#put(document)
    }
    return { n: documents.length }
  }

  update(updates: UpdateStatement[]): Document {
    const [{ q, u, upsert, multi }, ...more] = updates as [UpdateStatement]
    if (multi || more.length > 0) throw new CommandError(9, 'one document is updated at a time, here')
    const [there] = this.find(q)
    if (there) this.#put(updated(there, u))
    else if (upsert) this.#put(updated({ _id: q['_id'] }, u))
    const upserted = !there && upsert ? { upserted: [{ index: 0, _id: q['_id'] }] } : {}
    return { n: there || upsert ? 1 : 0, nModified: there ? 1 : 0, ...upserted }
  }

  delete(deletes: DeleteStatement[]): Document {
    const [{ q, limit }, ...more] = deletes as [DeleteStatement]
    if (more.length > 0) throw new CommandError(9, 'one filter deletes at a time, here')
    const found = this.find(q)
    const ended = limit === 1 ? found.slice(0, 1) : found
    for (const { _id } of ended) this.#documents.delete(keyOf(_id))
    return { n: ended.length }
  }

  findAndModify({ query, update, new: wantsNew, remove, upsert }: FindAndModify): Document {
    if (remove || upsert) throw new CommandError(9, 'findAndModify only updates what is there, here')
    const [there] = this.find(query)
    if (!there) return { value: null, lastErrorObject: { n: 0, updatedExisting: false } }
    const after = updated(there, update)
    this.#put(after)
    return { value: wantsNew ? after : there, lastErrorObject: { n: 1, updatedExisting: true } }
  }

  find(filter: Document): Document[] {
    const operator = unknownOperator(filter)
    if (operator) throw new CommandError(2, `no such operator here: ${operator}`)
    return this.#candidates(filter).filter((document) => matches(document, filter))
  }

  /** `countDocuments`, and no other pipeline. */
  count(pipeline: Document[]): Document[] {
    const [match, group, ...more] = pipeline
    if (!match?.['$match'] || !group?.['$group'] || more.length > 0)
      throw new CommandError(9, 'only countDocuments() is aggregated here')
    const n = this.find(match['$match'] as Document).length
    return n > 0 ? [{ _id: 1, n }] : []
  }

  createIndexes(indexes: Index[]): Document {
    for (const index of indexes) {
      const asked = BSON.EJSON.stringify(index)
      if ((this.#indexes.get(index.name) ?? asked) !== asked)
        throw new CommandError(86, `An existing index has the same name as the requested index: ${index.name}`)
      this.#indexes.set(index.name, asked)
      if (index.unique) this.#unique.push(...Object.keys(index.key))
    }
    return { numIndexesBefore: 1, numIndexesAfter: 1 + indexes.length }
  }

  /** An `_id` is looked up, as in its index; for all else every document is looked at. */
  #candidates(filter: Document): Document[] {
    if (!Object.hasOwn(filter, '_id') || isOperators(filter['_id'])) return [...this.#documents.values()]
    const there = this.#documents.get(keyOf(filter['_id']))
    return there ? [there] : []
  }

  #taken(document: Document): string | undefined {
    if (this.#documents.has(keyOf(document['_id']))) return '_id'
    return this.#unique.find((field) => this.find({ [field]: document[field] }).length > 0)
  }

  #put(document: Document): void {
    const bytes = BSON.serialize(document)
    if (bytes.length > MAX_BSON) throw new CommandError(10_334, `BSONObj size: ${bytes.length} is invalid`)
    // Through BSON, as on a disk: nothing is shared with what came or goes.
    this.#documents.set(keyOf(document['_id']), BSON.deserialize(bytes))
  }
}

function sorted(documents: Document[], sort: Record<string, number> = {}): Document[] {
  const [[field, direction] = [], ...more] = Object.entries(sort)
  if (more.length > 0) throw new CommandError(2, 'sorted by one field only, here')
  if (field === undefined) return documents
  return documents.toSorted((a, b) => (String(a[field]) < String(b[field]) ? -1 : 1) * direction!)
}

function keyOf(id: unknown): string {
  return BSON.EJSON.stringify({ id })
}

function updated(document: Document, update: Document): Document {
  const after = { ...document }
  for (const [operator, fields] of Object.entries(update) as [string, Document][]) {
    for (const [field, value] of Object.entries(fields)) {
      if (operator === '$set') after[field] = value
      else if (operator === '$max')
        after[field] = after[field] === undefined || Number(value) > Number(after[field]) ? value : after[field]
      else if (operator !== '$setOnInsert') throw new CommandError(9, `no such update here: ${operator}`)
    }
  }
  return after
}

/** Gives an operator in the place of a field, but for `$or`, in which others may be. */
function unknownOperator({ $or: alternatives = [], ...fields }: Document): string | undefined {
  const operator = Object.keys(fields).find((key) => key.startsWith('$'))
  return operator ?? (alternatives as Document[]).map(unknownOperator).find((each) => each !== undefined)
}

function matches(document: Document, filter: Document): boolean {
  return Object.entries(filter).every(([field, condition]) =>
    field === '$or'
      ? (condition as Document[]).some((alternative) => matches(document, alternative))
      : holds(document[field], condition),
  )
}

function holds(value: unknown, condition: unknown): boolean {
  const operators = isOperators(condition) ? Object.entries(condition) : [['$eq', condition] as const]
  return operators.every(([operator, operand]) => {
    switch (operator) {
      case '$eq':
        return keyOf(value ?? null) === keyOf(operand ?? null)
      case '$ne':
        return keyOf(value ?? null) !== keyOf(operand ?? null)
      case '$gt':
        return sameKind(value, operand) && Number(value) > Number(operand)
      case '$lte':
        return sameKind(value, operand) && Number(value) <= Number(operand)
      case '$type':
        return typeof value === operand
      case '$exists':
        return (value !== undefined) === operand
      default:
        throw new CommandError(2, `no such operator here: ${operator}`)
    }
  })
}

function isOperators(condition: unknown): condition is Document {
  return (
    Object.prototype.toString.call(condition) === '[object Object]' &&
    Object.keys(condition as object).some((key) => key.startsWith('$'))
  )
}

/** MongoDB compares dates with dates only, numbers with numbers only. */
function sameKind(a: unknown, b: unknown): boolean {
  return a instanceof Date === b instanceof Date && typeof a === typeof b
}
