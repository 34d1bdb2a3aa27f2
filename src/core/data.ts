/**
 * Session data between the handler's object and the store's text.
 *
 * @module
 */
import type { Data } from './changes.ts'
import { UsageError } from './errors.ts'

/** How data becomes text and back. What `encode` keeps, `decode` gives back. */
export interface Codec {
  encode(data: object): string
  decode(text: string): object
}

/** The default: JSON. A Date comes back as a string; `richCodec` of `sojourn/codec` keeps more. */
export const jsonCodec: Codec = {
  encode: (data) => JSON.stringify(data),
  decode: (text) => JSON.parse(text, mayHaveProto(text) ? withoutProto : undefined) as object,
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
  /** `undefined` when the text is not data of ours: too large, not decodable, no plain object, or not of the schema. */
  decode(text: string): Data | undefined
  /** Reads back what was just encoded, as the next request will. @throws UsageError when it does not pass the schema */
  readBack(text: string): Data
}

/** Puts codec, size limit and schema together. */
export function dataFormat(codec: Codec, maxBytes: number, schema: StandardSchema | undefined): DataFormat {
  return {
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
        const data = plainObject(codec.decode(text))
        const checked = data && validate(schema, data)
        return checked && 'value' in checked ? plainObject(checked.value) : undefined
      } catch {
        return undefined // Foreign or damaged text: the caller reports the session as unreadable.
      }
    },
    readBack(text) {
      const checked = validate(schema, codec.decode(text) as Data)
      if (checked.issues)
        throw new UsageError(
          'ERR_SOJOURN_UNSUPPORTED',
          `The session's data does not pass the schema (${summarise(checked.issues)}); change what the handler assigns, or the schema`,
        )
      return checked.value as Data
    },
  }
}

// --- internal ---

function isOver(text: string, maxBytes: number): boolean {
  return text.length > maxBytes || (text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes)
}

function encodeOrExplain(codec: Codec, data: object): string {
  try {
    return codec.encode(data)
  } catch (cause) {
    throw new UsageError(
      'ERR_SOJOURN_UNSUPPORTED',
      'The session has a value that the codec cannot keep (see cause); assign plain data, or choose another codec',
      { cause },
    )
  }
}

function validate(schema: StandardSchema | undefined, data: Data): SchemaResult<unknown> {
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
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Data) : undefined
}

/** A key `__proto__` is harmless in what JSON.parse gives and a trap in what others make of it. Escapes can spell it. */
function mayHaveProto(text: string): boolean {
  return text.includes('__proto__') || text.includes('\\u00')
}

function withoutProto(this: unknown, key: string, value: unknown): unknown {
  return key === '__proto__' ? undefined : value
}
