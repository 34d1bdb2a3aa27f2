/** An OAuth 2 provider as small as one can be: the code flow, for one application and one person, who always agrees. */
import express from 'express'
import { serve } from './_sides.ts'

export const APPLICATION = { key: 'the-application', secret: 'its secret' }
export const PERSON = { id: 'alice', name: 'Alice' }

/** Serves it until the test ends, and gives its addresses as grant wants them. */
export async function provider(): Promise<Record<'authorize_url' | 'access_url' | 'profile_url', string>> {
  /** The codes that were not redeemed yet, each with where it was sent, and the tokens given for them. */
  const codes = new Map<string, string>()
  const tokens = new Set<string>()
  const router = express.Router()

  router.get('/authorize', (request, response) => {
    const { client_id, redirect_uri, response_type, state } = request.query as Record<string, string>
    if (client_id !== APPLICATION.key || response_type !== 'code') return void response.sendStatus(400)
    const code = `code-${codes.size + tokens.size}`
    codes.set(code, redirect_uri!)
    const back = new URLSearchParams({ code, ...(state && { state }) })
    response.redirect(`${redirect_uri}?${back.toString()}`)
  })

  router.post('/token', (request, response) => {
    const { client_id, client_secret, code, redirect_uri } = request.body as Record<string, string>
    const isOurs = client_id === APPLICATION.key && client_secret === APPLICATION.secret
    // A code is good once, and only for whom it was sent to.
    const isGood = codes.get(code!) === redirect_uri && codes.delete(code!)
    if (!isOurs || !isGood) return void response.status(400).json({ error: 'invalid_grant' })
    const access_token = `token for ${code}`
    tokens.add(access_token)
    response.json({ access_token, token_type: 'bearer' })
  })

  router.get('/person', (request, response) => {
    const token = request.headers.authorization?.replace(/^Bearer /i, '')
    if (token === undefined || !tokens.has(token)) return void response.sendStatus(401)
    response.json(PERSON)
  })

  const { origin } = await serve(router)
  return { authorize_url: `${origin}/authorize`, access_url: `${origin}/token`, profile_url: `${origin}/person` }
}
