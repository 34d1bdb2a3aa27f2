/**
 * What `DESIGN.md` section 7 asks for: ratios of what the sessions add, never absolute times.
 *
 * @module
 */

/** At most `limit` times what the floor adds; in memory, and with an engine behind a socket. */
const FLOOR_LIMITS = { memory: 1.5, redis: 1.3 }
/** So many times less than each peer adds. */
const PEER_LIMITS = { 'express-session': { read: 3.5, 'read, 16 KB': 5 }, '@fastify/session': { read: 2 } }
/** What noise looks like: this part of what the bare framework takes. */
const NOTHING = 0.03

/** Gives `{ what, target, value, met }` for each target that the data can tell of. */
export function targetsOf(data) {
  return data.flatMap(({ scenario, results }) =>
    results
      .filter(({ role }) => role === 'ours')
      .flatMap((ours) => {
        const beside = results.filter(({ framework, store }) => framework === ours.framework && store === ours.store)
        const where = `${scenario} on ${ours.framework}, ${ours.store}`
        return [
          ...(scenario === 'no cookie' ? [nothing(where, ours, bareOf(results, ours))] : []),
          ...(scenario === 'read' ? againstFloor(where, ours, beside) : []),
          ...beside.filter(({ role }) => role === 'peer').flatMap((peer) => againstPeer(where, scenario, ours, peer)),
        ]
      }),
  )
}

function nothing(where, ours, bare) {
  const limit = bare.cpu.median * NOTHING
  return row(
    `${where}: Sojourn adds nothing measurable`,
    `≤ ${limit.toFixed(1)} µs`,
    ours.added.median,
    'µs',
    (value) => value <= limit,
  )
}

function againstFloor(where, ours, beside) {
  const floor = beside.find(({ role }) => role === 'floor')
  const limit = FLOOR_LIMITS[ours.store]
  if (!floor || limit === undefined) return []
  const ratio = ratioOf(ours, floor)
  return [row(`${where}: Sojourn adds ÷ the floor adds`, `≤ ${limit}×`, ratio, '×', (value) => value <= limit)]
}

function againstPeer(where, scenario, ours, peer) {
  const limit = PEER_LIMITS[peer.library]?.[scenario]
  if (limit === undefined) return []
  const ratio = ratioOf(peer, ours)
  return [row(`${where}: ${peer.name} adds ÷ Sojourn adds`, `≥ ${limit}×`, ratio, '×', (value) => value >= limit)]
}

function bareOf(results, { framework }) {
  return results.find((each) => each.role === 'bare' && each.framework === framework)
}

/** NaN where a quarter of the rounds added nothing: a machine that was busy proves nothing. */
function ratioOf(above, below) {
  return above.added.lower > 0 && below.added.lower > 0 ? above.added.median / below.added.median : NaN
}

function row(what, target, value, unit, isMet) {
  const text = Number.isNaN(value) ? 'lost in noise' : `${value.toFixed(unit === 'µs' ? 1 : 2)} ${unit}`
  return { what, target, value: text, met: isMet(value) }
}
