/** So many bytes of ASCII does each session's data take, as JSON. */
export const DATA_BYTES = 400

/** How many sessions each user has. */
const SESSIONS_EACH = 4

/** The user of the session of this number. */
export function userOf(number) {
  return `u${String(Math.floor(number / SESSIONS_EACH)).padStart(7, '0')}`
}

/** The numbers of all sessions that this session's user has. */
export function numbersOf(number) {
  const first = number - (number % SESSIONS_EACH)
  return Array.from({ length: SESSIONS_EACH }, (_, each) => first + each)
}

/** A session's data: different in each, and of exactly {@link DATA_BYTES}. */
export function dataOf(number) {
  const seed = (number * 2_654_435_761) >>> 0
  const data = { user: { id: userOf(number), roles: ['reader'] }, views: number % 10, locale: 'en-GB', note: '' }
  const word = seed.toString(36).padStart(8, '0')
  const room = DATA_BYTES - JSON.stringify(data).length
  data.note = word.repeat(Math.ceil(room / word.length)).slice(0, room)
  return data
}
