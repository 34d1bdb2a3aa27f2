/**
 * A session at one moment: what rules and merges compare.
 *
 * @module
 */
import type { Data } from '../core/changes.ts'
import { imageOf, isImageOf, sameImage } from './image.ts'
import type { Session } from './session.ts'

/** The session's id, and the image of its data. */
export interface Moment {
  readonly id: string
  readonly image: Data
}

/** @param known the image that it most likely still has */
export function momentOf(session: Session, known?: Data): Moment {
  const isKnown = known !== undefined && isImageOf(known, session, 'cookie')
  return { id: session.id, image: isKnown ? known : imageOf(session, 'cookie') }
}

export function isSame(a: Moment, b: Moment): boolean {
  return a.id === b.id && sameImage(a.image, b.image)
}
