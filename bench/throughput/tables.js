import { standInFor, titleOf } from '../engines/index.js'
import { format } from '../_stats.js'

/** One table for each scenario, the contenders in the order in which they were measured. */
export function tablesOf(data) {
  return data.map(({ scenario, results }) => ({
    title: scenario,
    head: ['', 'framework', 'store', 'CPU µs a request', 'the session adds', 'requests/s'],
    rows: results.map(({ name, role, framework, store, cpu, added, perSecond }) => [
      name,
      framework,
      titleOf(store, standInFor(store)),
      format(cpu),
      role === 'bare' ? '' : format(added, 1),
      format(perSecond),
    ]),
  }))
}
