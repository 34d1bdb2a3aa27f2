/** A person's browser, as far as the tests of the examples need one: cookies, forms, redirects. */
export class Browser {
  readonly origin: string
  /** What is sent with every request besides the cookies. */
  readonly headers: Record<string, string>
  /** The jar: name to value. */
  readonly cookies: Map<string, string>

  constructor(origin: string, headers: Record<string, string> = {}, cookies: Iterable<[string, string]> = []) {
    this.origin = origin
    this.headers = headers
    this.cookies = new Map(cookies)
  }

  /** A browser with the same cookies for another address. What either is given from now on the other does not get. */
  at(origin: string): Browser {
    return new Browser(origin, this.headers, this.cookies)
  }

  get cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  get(path: string): Promise<Response> {
    return this.#send(path, {})
  }

  /** Submits fields as a form of a page of this origin does. */
  post(path: string, fields: Record<string, string> = {}, headers: Record<string, string> = {}): Promise<Response> {
    const from = { origin: this.origin, 'sec-fetch-site': 'same-origin' }
    return this.#send(path, { method: 'POST', body: new URLSearchParams(fields), headers: { ...from, ...headers } })
  }

  /** Opens a page and submits its form whose action is `action`, hidden fields included. */
  async submit(page: string, action: string, fields: Record<string, string> = {}): Promise<Response> {
    const html = await (await this.get(page)).text()
    const form = new RegExp(`<form[^>]*action="${action}"[^>]*>(.*?)</form>`, 's').exec(html)?.[1]
    if (form === undefined) throw new Error(`${page} has no form for ${action}`)
    const hidden = form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)
    return this.post(action, { ...Object.fromEntries([...hidden].map(([, name, value]) => [name, value])), ...fields })
  }

  async #send(
    path: string,
    init: { method?: string; body?: URLSearchParams; headers?: Record<string, string> },
  ): Promise<Response> {
    const cookie: Record<string, string> = this.cookies.size > 0 ? { cookie: this.cookieHeader } : {}
    const headers = { ...this.headers, ...cookie, ...init.headers }
    const response = await fetch(this.origin + path, { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) this.#keep(line)
    return response
  }

  #keep(line: string): void {
    const [pair = '', ...attributes] = line.split(/; */)
    const [name = '', value = ''] = pair.split(/=(.*)/s)
    if (attributes.some((attribute) => /^max-age=0$/i.test(attribute))) this.cookies.delete(name)
    else this.cookies.set(name, value)
  }
}
