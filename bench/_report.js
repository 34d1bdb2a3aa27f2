/**
 * Tables, for the terminal and for a page of the documentation.
 *
 * @module
 */

/** Writes a topic's tables and targets as text. */
export function asText({ tables, targets }) {
  const parts = tables.map(({ title, head, rows }) => `${title}\n${aligned(head, rows)}`)
  if (targets.length > 0) parts.push(`targets\n${aligned(TARGET_HEAD, targetRows(targets))}`)
  return parts.join('\n\n')
}

/** The same as markdown. */
export function asMarkdown(name, { tables, targets }) {
  const parts = tables.map(({ title, head, rows }) => `### ${title}\n\n${piped(head, rows)}`)
  if (targets.length > 0) parts.push(`### Targets\n\n${piped(TARGET_HEAD, targetRows(targets))}`)
  return [`## ${name}`, ...parts].join('\n\n')
}

const TARGET_HEAD = ['', 'target', 'measured', '']

function targetRows(targets) {
  return targets.map(({ what, target, value, met }) => [what, target, value, met ? '✓' : '✗'])
}

function aligned(head, rows) {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)))
  const line = (row) =>
    '  ' +
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd()
  return [head, widths.map((width) => '-'.repeat(width)), ...rows].map(line).join('\n')
}

function piped(head, rows) {
  const line = (row) => `| ${row.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
