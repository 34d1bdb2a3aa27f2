/**
 * Session data between the handler's object and the store's text.
 *
 * @module
 */
import { type Data, isPlain } from './changes.ts'
import { UsageError } from './errors.ts'

/** How data becomes text and back. What `encode` keeps, `decode` gives back. */
export interface Codec {
  encode(data: object): string
  decode(text: string): object
}

/** The default: JSON. A Date comes back as a string; `richCodec` of `sojourn/codec` keeps more. */
export const jsonCodec: Codec = {
  encode: (data) => JSON.stringify(data),
  decode(text) {
    if (mayBeDeep(text) && depthOf(text) > MAX_DEPTH) throw new RangeError(`nested deeper than ${MAX_DEPTH} levels`)
    return JSON.parse(text, mayHaveProto(text) ? withoutProto : undefined) as object
  },
}

/** A Standard Schema: zod, valibot, arktype and others have it. @see https://standardschema.dev */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
  }
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: ReadonlyArray<SchemaIssue> }

export interface SchemaIssue {
  readonly message: string
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined
}

/** Everything that is done between an object and its text, for one manager. */
export interface DataFormat {
  /** The text of no data at all. */
  readonly empty: string
  /** @throws UsageError `ERR_SOJOURN_UNSUPPORTED` or `ERR_SOJOURN_TOO_LARGE` */
  encode(data: object): string
  /**
   * `undefined` when the text is not data of ours: too large, not decodable, no plain object, or not of the schema,
   * not even after its upgrade.
   */
  decode(text: string): Data | undefined
  /** The same, with the text that these data would be stored as: the schema, or the upgrade, may have changed them. */
  load(text: string): { readonly data: Data; readonly text: string } | undefined
  /** Reads back what was just encoded, as the next request will. @throws UsageError when it does not pass the schema */
  readBack(text: string): Data
}

/** Makes data of an earlier shape pass the schema of today; `undefined` for those that nothing can be made of. */
export type Upgrade = (data: Data) => object | undefined

/** Puts codec, size limit, schema and upgrade together. */
export function dataFormat(
  codec: Codec,
  maxBytes: number,
  schema: StandardSchema | undefined,
  upgrade?: Upgrade,
): DataFormat {
  const passed = (data: object | undefined): Data | undefined => {
    const checked = data && validate(schema, data)
    return checked && !checked.issues ? plainObject(checked.value) : undefined
  }
  const format: DataFormat = {
    empty: codec.encode({}),
    encode(data) {
      const text = encodeOrExplain(codec, data)
      if (isOver(text, maxBytes)) {
        throw new UsageError(
          'ERR_SOJOURN_TOO_LARGE',
          `The session's data is ${Buffer.byteLength(text)} bytes, more than maxBytes (${maxBytes}); keep large things elsewhere and their key in the session, or raise maxBytes`,
        )
      }
      return text
    },
    decode(text) {
      if (isOver(text, maxBytes)) return undefined
      try {
        const stored = plainObject(codec.decode(text))
        return passed(stored) ?? (stored && upgrade && passed(plainObject(upgrade(stored))))
      } catch {
        return undefined // Foreign or damaged text: the caller reports the session as unreadable.
      }
    },
    load(text) {
      const data = format.decode(text)
      if (!data || !schema) return data && { data, text }
      try {
        return { data, text: format.encode(data) }
      } catch {
        return undefined // The schema made of it what cannot be kept: nobody could ever commit it.
      }
    },
    readBack(text) {
      const data = passedOrExplain(schema, decodedOrExplain(codec, text))
      // What the schema gives is what is stored from then on, and it is asked again at each load.
      if (schema) passedOrExplain(schema, decodedOrExplain(codec, format.encode(data)))
      return data
    },
  }
  return format
}

// --- internal ---

function isOver(text: string, maxBytes: number): boolean {
  return text.length > maxBytes || (text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes)
}

function encodeOrExplain(codec: Codec, data: object): string {
  try {
    return codec.encode(data)
  } catch (cause) {
    if (cause instanceof UsageError) throw cause
    throw new UsageError(
      'ERR_SOJOURN_UNSUPPORTED',
      'The session has a value that the codec cannot keep (see cause); assign plain data, or choose another codec',
      { cause },
    )
  }
}

function decodedOrExplain(codec: Codec, text: string): object {
  try {
    return codec.decode(text)
  } catch (cause) {
    throw new UsageError(
      'ERR_SOJOURN_UNSUPPORTED',
      'The session has a value that the codec cannot give back (see cause); assign plain data, or choose another codec',
      { cause },
    )
  }
}

function passedOrExplain(schema: StandardSchema | undefined, data: object): Data {
  const checked = validate(schema, data)
  const passed = checked.issues ? undefined : plainObject(checked.value)
  if (passed) return passed
  const what = checked.issues ? summarise(checked.issues) : 'data: it gave no object'
  throw new UsageError(
    'ERR_SOJOURN_UNSUPPORTED',
    `The session's data does not pass the schema (${what}); change what the handler assigns, or the schema`,
  )
}

function validate(schema: StandardSchema | undefined, data: object): SchemaResult<unknown> {
  const result = schema ? schema['~standard'].validate(data) : { value: data }
  if (result instanceof Promise) {
    throw new UsageError(
      'ERR_SOJOURN_UNSUPPORTED',
      'The schema validates asynchronously; session data is read synchronously: use a synchronous schema',
    )
  }
  return result
}

function summarise(issues: ReadonlyArray<SchemaIssue>): string {
  const path = (issue: SchemaIssue): string =>
    (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
  return issues
    .slice(0, 3)
    .map((issue) => `${path(issue) || 'data'}: ${issue.message}`)
    .join('; ')
}

function plainObject(value: unknown): Data | undefined {
  return isPlain(value) ? value : undefined
}

/** The most levels of nesting in JSON: parsing knows no limit, and encoding has stack for about 4,000. */
const MAX_DEPTH = 3200

/** Whether there are enough brackets for it: few texts need to be looked at character by character. */
function mayBeDeep(text: string): boolean {
  if (text.length <= 2 * MAX_DEPTH) return false
  let openings = 0
  for (const bracket of '[{') {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) {
      if (++openings > MAX_DEPTH) return true
    }
  }
  return false
}

/** How deep the brackets outside of strings go. */
function depthOf(text: string): number {
  let [depth, deepest, quoted] = [0, 0, false]
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!
    if (char === '"') quoted = !quoted
    else if (quoted) at += char === '\\' ? 1 : 0
    else if (char === '[' || char === '{') deepest = Math.max(deepest, ++depth)
    else if (char === ']' || char === '}') depth--
  }
  return deepest
}

/** A key `__proto__` is harmless in what JSON.parse gives and a trap in what others make of it. Escapes can spell it. */
function mayHaveProto(text: string): boolean {
  return text.includes('__proto__') || text.includes('\\u00')
}

function withoutProto(this: unknown, key: string, value: unknown): unknown {
  return key === '__proto__' ? undefined : value
}
