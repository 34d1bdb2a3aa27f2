/**
 * The cookie of one session, as `req.session.cookie`: handlers read and change it, and it is stored with the data.
 *
 * @module
 */
import { deprecate } from './deprecations.ts'
import { type Attributes, setCookie } from './set-cookie.ts'

/** What can be said about a session's cookie. */
export interface CookieOptions {
  /** From now, ms. Of this and `expires` the later in the object counts. */
  maxAge?: number | null | undefined
  /** @deprecated Use `maxAge`. */
  expires?: Date | null | undefined
  /** Default true. */
  httpOnly?: boolean | undefined
  /** Default `/`. */
  path?: string | undefined
  domain?: string | undefined
  /** `'auto'`: as the connection is. A secure cookie is not sent over plain http. */
  secure?: boolean | 'auto' | undefined
  /** `true`: strict. `'auto'`: none on a secure connection, otherwise lax. */
  sameSite?: boolean | 'lax' | 'strict' | 'none' | 'auto' | undefined
  partitioned?: boolean | undefined
  priority?: 'low' | 'medium' | 'high' | undefined
  signed?: boolean | undefined
  encode?: ((value: string) => string) | undefined
}

/** What is stored of a cookie, and what its `Set-Cookie` is made of. */
export type CookieData = Attributes & { readonly originalMaxAge: number | null | undefined }

export class Cookie {
  declare path: string | undefined
  declare httpOnly: boolean | undefined
  /** The lifetime that each request begins anew, ms. */
  declare originalMaxAge: number | null | undefined
  declare domain?: string | undefined
  declare secure?: boolean | 'auto' | undefined
  declare sameSite?: boolean | 'lax' | 'strict' | 'none' | 'auto' | undefined
  declare partitioned?: boolean | undefined
  declare priority?: 'low' | 'medium' | 'high' | undefined
  declare signed?: boolean | undefined
  declare private _expires: Date | null | undefined

  /**
   * Takes every property of the options, in their own order, but `data`.
   *
   * @throws TypeError for options that are no object
   */
  constructor(options?: CookieOptions | null) {
    this.path = '/'
    this.maxAge = null
    this.httpOnly = true
    if (options) {
      if (typeof options !== 'object') throw new TypeError('argument options must be a object')
      // In a stored row `__proto__` is a key like others; here it would change what the cookie is.
      // oxlint-disable-next-line guard-for-in -- inherited options count too, as in express-session
      for (const key in options)
        if (key !== 'data' && key !== '__proto__') Reflect.set(this, key, Reflect.get(options, key))
    }
    this.originalMaxAge ??= this.maxAge
  }

  get expires(): Date | null | undefined {
    return this._expires
  }

  /** Sets the lifetime too, to what is left until then. */
  set expires(date: Date | null | undefined) {
    this._expires = date
    this.originalMaxAge = this.maxAge
  }

  /** From now, ms; null for a cookie that ends with the browser. */
  get maxAge(): number | null | undefined {
    const { expires } = this
    return expires instanceof Date ? expires.valueOf() - Date.now() : expires
  }

  /** @throws TypeError for what is neither a number nor a Date */
  set maxAge(maxAge: number | Date | null | undefined) {
    if (maxAge && typeof maxAge !== 'number' && !(maxAge instanceof Date))
      throw new TypeError('maxAge must be a number or Date')
    if (maxAge instanceof Date) deprecate('maxAge as Date; pass number of milliseconds instead')
    this.expires = typeof maxAge === 'number' ? new Date(Date.now() + maxAge) : maxAge
  }

  get data(): CookieData {
    return {
      originalMaxAge: this.originalMaxAge,
      partitioned: this.partitioned,
      priority: this.priority,
      expires: this._expires,
      secure: this.secure,
      httpOnly: this.httpOnly,
      domain: this.domain,
      path: this.path,
      sameSite: this.sameSite,
    }
  }

  /** The `Set-Cookie` line for a value. @throws TypeError for an attribute that cannot be written */
  serialize(name: string, value: string): string {
    return setCookie(name, value, this.data)
  }

  toJSON(): CookieData {
    return this.data
  }
}
