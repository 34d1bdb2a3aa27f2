/**
 * Labels: what an owner can tell one of the own sessions from another by.
 *
 * @module
 */

export interface Labels {
  readonly userAgent?: string
  readonly address?: string
}

const MAX_LABEL = 256

/** Gives the labels of a request, each cut to what a record is to hold. */
export function labelsOf({ userAgent, address }: Labels): Labels {
  return {
    ...(userAgent && { userAgent: userAgent.slice(0, MAX_LABEL) }),
    ...(address && { address: address.slice(0, MAX_LABEL) }),
  }
}
