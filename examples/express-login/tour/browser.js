/** As much of a browser as the tour needs: it keeps one cookie, sends it back, and follows nothing by itself. */
export class Browser {
  /** The cookie kept, as `name=value`; undefined while there is none. */
  cookie

  constructor(origin) {
    this.origin = origin
  }

  get(path, cookie = this.cookie) {
    return this.#send(path, { headers: cookie ? { cookie } : {} })
  }

  post(path, fields) {
    return this.#send(path, {
      method: 'POST',
      headers: { origin: this.origin, ...(this.cookie && { cookie: this.cookie }) },
      body: new URLSearchParams(fields),
    })
  }

  async #send(path, init) {
    const start = performance.now()
    const response = await fetch(this.origin + path, { ...init, redirect: 'manual' })
    const seenAt = performance.now()
    const [setCookie] = response.headers.getSetCookie()
    if (setCookie) this.cookie = /Max-Age=0/i.test(setCookie) ? undefined : setCookie.split(';', 1)[0]
    return {
      request: `${init.method ?? 'GET'} ${path}`,
      cookieSent: init.headers.cookie,
      status: response.status,
      location: response.headers.get('location'),
      setCookie,
      html: await response.text(),
      ms: seenAt - start,
      seenAt,
    }
  }
}
