/**
 * Warnings in express-session's own words.
 *
 * @module
 */

/** Warns once of what express-session calls deprecated; `NO_DEPRECATION=express-session` keeps it quiet there and here. */
export function deprecate(message: string): void {
  if (told.has(message) || isQuiet()) return
  told.add(message)
  process.emitWarning(`express-session deprecated ${message}`, 'DeprecationWarning')
}

/** Warns once of a mistake that would otherwise only be felt. */
export function warnOnce(code: string, message: string): void {
  if (told.has(code)) return
  told.add(code)
  process.emitWarning(message, { code })
}

// --- internal ---

const told = new Set<string>()

function isQuiet(): boolean {
  const quiet = (process.env['NO_DEPRECATION'] ?? '').split(/[ ,]+/)
  return quiet.includes('*') || quiet.includes('express-session')
}
