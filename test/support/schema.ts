/** A Standard Schema by hand, no larger than a test needs. */
import type { SchemaIssue, SchemaResult, StandardSchema } from '../../src/core/data.ts'

/** Gives the output for a value, or a text that says what is wrong with it. It fits sessions of any type. */
export function schema(
  check: (value: Record<string, unknown>) => object | string,
  path?: SchemaIssue['path'],
): StandardSchema<never> {
  return {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate(value): SchemaResult<never> {
        const result = check(value as Record<string, unknown>)
        return typeof result === 'string'
          ? { issues: [{ message: result, ...(path && { path }) }] }
          : { value: result as never }
      },
    },
  }
}
