/** What a signed-in user's session holds: about 200 bytes of JSON, or as many as are asked for. */
export function userData(id, bytes = 0) {
  const user = { id, name: `User ${id}`, roles: ['reader', 'author'], since: 1_700_000_000_000 }
  const base = { user, views: 0, locale: 'en-GB', theme: 'dark', csrf: '6d0f3c1b9a5e4f7788aa' }
  if (bytes === 0) return base
  const cart = Array.from({ length: Math.ceil((bytes - 200) / ITEM_BYTES) }, (_, at) => item(at))
  return { ...base, cart }
}

const ITEM_BYTES = 98

function item(at) {
  const sku = `sku-${String(at).padStart(6, '0')}`
  return { sku, title: 'A thing of some description', quantity: 1 + (at % 9), price: 1999, gift: at % 2 === 0 }
}
