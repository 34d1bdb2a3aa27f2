/** What a run did not show of what the requirements name. */
import type { Requirement } from './_requirement.ts'

/**
 * Gives a line for each test that is named and did not pass.
 *
 * @param passed by file, of the files that ran: the full names of the tests that passed, or may be taken for it
 */
export function unproven(
  requirements: readonly Requirement[],
  passed: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  return requirements.flatMap(({ id, proofs }) =>
    proofs
      .filter(([file, words]) => passed.get(file)?.some((name) => name.includes(words)) === false)
      .map(([file, words]) => `${id}: no test with these words passed in ${file}: ${words}`),
  )
}
