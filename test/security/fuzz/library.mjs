/** The library's own functions that are fuzzed, from where it was built, or from its source. */
export async function libraryAt(base, extension) {
  const load = (path) => import(new URL(`${path}.${extension}`, base).href)
  const [cookie, token, record, judge, data, seal, sessions, memory, cookies] = await Promise.all([
    load('core/cookie'),
    load('core/token'),
    load('core/record'),
    load('core/judge'),
    load('core/data'),
    load('stores/_seal'),
    load('sessions'),
    load('stores/memory'),
    load('stores/cookie'),
  ])
  return { ...cookie, ...token, ...record, ...judge, ...data, ...seal, ...sessions, ...memory, ...cookies }
}
