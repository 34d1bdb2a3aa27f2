/**
 * Who can take part here.
 *
 * @module
 */

/** Gives those of a choice whose packages are here (`needs`), and says of the others why not. */
export async function available(choice) {
  const present = []
  for (const each of choice) {
    const missing = await firstMissing(each.needs)
    if (missing === undefined) present.push(each)
    else console.log(`  left out: ${each.name}, since ${missing} is not here`)
  }
  return present
}

async function firstMissing(names) {
  for (const name of names) {
    try {
      await import(name)
    } catch {
      return name
    }
  }
  return undefined
}
