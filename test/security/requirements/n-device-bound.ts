/** N: device-bound session credentials. Nothing of them is built yet. */
import { later, type Requirement, type Severity } from './_requirement.ts'

const series: readonly [id: string, severity: Severity, title: string][] = [
  ['N01', 'high', 'Registration is offered on https alone, after a sign-in'],
  ['N02', 'critical', 'Proofs with a weak, foreign or missing algorithm are refused'],
  ['N03', 'critical', 'Challenges are unguessable, bound and short-lived'],
  ['N04', 'critical', 'A proof is verified with the registered key alone'],
  ['N05', 'critical', 'A bound session needs its bound cookie'],
  ['N06', 'high', 'The bound cookie has its own name and lives ten minutes'],
  ['N07', 'critical', 'Parallel refreshes succeed, and a logout wins'],
  ['N08', 'high', 'A store’s hiccup ends no bound session'],
  ['N09', 'high', 'A refresh of an ended session says so'],
  ['N10', 'medium', 'The refresh endpoint tells other sites nothing'],
  ['N11', 'high', 'A skipped refresh relaxes nothing'],
  ['N12', 'medium', 'An application works before its session is bound'],
  ['N13', 'low', 'A fresh proof can be asked for'],
]

export const deviceBound: readonly Requirement[] = series.map(([id, severity, title]) =>
  later(id, severity, title, 'Device-bound sessions come later.'),
)
