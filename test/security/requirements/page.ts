/** The page `docs/security/requirements.md`. */
import type { Proof, Requirement } from './_requirement.ts'
import { requirements, SERIES } from './index.ts'

const STATUS: Readonly<Record<Requirement['status'], string>> = {
  met: 'met',
  otherwise: 'met in another way',
  'not-ours': 'not a session library’s business',
  later: 'comes later',
}

const SEVERITIES = ['critical', 'high', 'medium', 'low'] as const

const INTRODUCTION = `# Security requirements

What a session library must guarantee, drawn from OWASP’s cheat sheets, ASVS 5, NIST SP 800-63B, RFC 6265bis and the advisories of comparable libraries; and for each, the tests that show it.

\`npm run docs:security\` makes this page from [test/security/requirements](../../test/security/requirements). A test fails when the two disagree, and a run of the tests fails when a test that is named here is missing or did not pass. “stores” are the cases of \`sojourn/testing\`, which run on every store.
`

export function page(): string {
  const series = SERIES.map(([heading, rows]) => `## ${heading}\n\n${table(rows)}`)
  return [INTRODUCTION, summary(), ...series].join('\n')
}

// --- internal ---

function summary(): string {
  const head = `| | ${SEVERITIES.join(' | ')} |\n|---|${SEVERITIES.map(() => '---:|').join('')}\n`
  const rows = Object.entries(STATUS).map(([status, words]) => {
    const counts = SEVERITIES.map(
      (severity) => requirements.filter((each) => each.status === status && each.severity === severity).length,
    )
    return `| ${words} | ${counts.join(' | ')} |\n`
  })
  return head + rows.join('')
}

function table(rows: readonly Requirement[]): string {
  const lines = rows.map(({ id, title, severity, status, reason, proofs }) => {
    const how = reason === undefined ? STATUS[status] : `${STATUS[status]}: ${reason}`
    return `| ${id} | ${cell(title)} | ${severity} | ${cell(how)} | ${proofs.map(proof).join('<br>')} |\n`
  })
  return `| | requirement | severity | status | shown by |\n|---|---|---|---|---|\n${lines.join('')}`
}

function proof([file, words]: Proof): string {
  const path = file === 'stores' ? 'src/testing/cases' : `test/${file}.test.ts`
  return `[${file}](../../${path}): ${cell(words.replace(/^[\s,]+/, '… ').trimEnd())}`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
}
