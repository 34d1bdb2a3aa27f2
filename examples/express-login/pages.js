import { csrfToken } from 'sojourn/csrf'
import { deviceName } from './device.js'
import { html } from './html.js'

/** What the sign-in form can be told to say, by the word in its address: `/session/new?notice=failed`. */
const NOTICES = {
  failed: 'That name and password do not belong together. Please try again.',
  'sign-in-first': 'Please sign in to see that page.',
  'signed-out': 'You are signed out.',
}

/** Every page is this around its own content. `session` is absent on an error page whose session could not be read. */
function layout({ title, session, content }) {
  const user = session?.user
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} · Sojourn</title>
        <link rel="stylesheet" href="/style.css" />
      </head>
      <body>
        <header>
          <a class="brand" href="/">Sojourn</a>
          <nav aria-label="Main">
            <a href="/visits">Visits</a>
            ${user ? html`<a href="/users">Users</a> <a href="/sessions">Your sessions</a>` : html`<a href="/session/new">Sign in</a>`}
          </nav>
          ${user && html`<form method="post" action="/logout">${tokenField(session)}<button>Sign out</button></form>`}
        </header>
        <main>
          <h1>${title}</h1>
          ${content}
        </main>
      </body>
    </html>`
}

export function homePage(session) {
  const { user } = session
  return layout({
    title: user ? `Welcome back, ${user.name}` : 'Welcome',
    session,
    content: html`<p class="lead">A small application with a login, to see what becomes of <code>req.session</code>.</p>
      <ul class="cards">
        ${card('/visits', 'Count your visits', 'A number that is kept on the server, and found again by your cookie.')}
        ${user && card('/sessions', 'See your sessions', 'Every browser where you are signed in, and a way to end it.')}
        ${!user && card('/session/new', 'Sign in', 'One assignment to req.session, and you are known from then on.')}
      </ul>`,
  })
}

function card(href, heading, text) {
  return html`<li>
    <a class="card" href="${href}"><strong>${heading}</strong><span>${text}</span></a>
  </li>`
}

export function signInPage(session, notice) {
  return layout({
    title: 'Sign in',
    session,
    content: html`${Object.hasOwn(NOTICES, notice) && noticeLine(notice)}
      <form class="panel" method="post" action="/session">
        <label for="name">Name</label>
        <input id="name" name="name" autocomplete="username" autocapitalize="none" required autofocus />
        <label for="password">Password</label>
        <input id="password" name="password" type="password" autocomplete="current-password" required />
        <button class="primary">Sign in</button>
      </form>`,
  })
}

/** What went wrong is said at once, and looks it; the rest when there is time. */
function noticeLine(notice) {
  const [style, role] = notice === 'failed' ? ['notice failed', 'alert'] : ['notice', 'status']
  return html`<p class="${style}" role="${role}">${NOTICES[notice]}</p>`
}

export function usersPage(session, users) {
  return layout({
    title: 'Users',
    session,
    content: html`<p class="lead">Hello ${session.user.name}, you are signed in.</p>
      <ul class="list">
        ${users.map(({ id, name }) => html`<li>${name} ${id === session.user.id && html`<em class="tag">you</em>`}</li>`)}
      </ul>`,
  })
}

export function visitsPage(session) {
  return layout({
    title: 'Visits',
    session,
    content: html`<p class="count">
        <output>${session.views}</output> ${session.views === 1 ? 'visit' : 'visits'} to this page
      </p>
      <p><a href="/visits">Visit again</a></p>`,
  })
}

export function sessionsPage(session, own, now) {
  if (!own) {
    const content = html`<p class="lead">The store in use cannot list sessions; you are signed in here.</p>`
    return layout({ title: 'Your sessions', session, content })
  }
  return layout({
    title: 'Your sessions',
    session,
    content: html`<p class="lead">Where you are signed in. End what you do not recognise.</p>
      <ul class="list">
        ${own.map((info) => sessionItem(session, info, now))}
      </ul>
      ${
        own.length > 1 &&
        html`<form method="post" action="/sessions/revoke-others">
          ${tokenField(session)}<button class="danger">End all other sessions</button>
        </form>`
      }`,
  })
}

function sessionItem(session, info, now) {
  const isCurrent = info.id === session.id
  return html`<li>
    <div>
      <strong title="${info.userAgent}">${deviceName(info.userAgent)}</strong>
      ${isCurrent && html`<em class="tag">this browser</em>`}
      <small>
        ${info.address} · signed in ${time(info.authenticatedAt ?? info.createdAt, now)} · last seen
        ${time(info.lastSeenAt, now)}
      </small>
    </div>
    ${
      !isCurrent &&
      html`<form method="post" action="/sessions/${encodeURIComponent(info.id)}/revoke">
        ${tokenField(session)}<button aria-label="End the session of ${deviceName(info.userAgent)}">End</button>
      </form>`
    }
  </li>`
}

export function errorPage(session, status, message) {
  return layout({
    title: message,
    session,
    content: html`<p class="lead">Error ${status}</p>
      <p><a href="/">Back to the start</a></p>`,
  })
}

function tokenField(session) {
  return html`<input type="hidden" name="_csrf" value="${csrfToken(session)}" />`
}

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
]

/** Gives an instant as a person says it, `3 minutes ago`, with the exact one beside it. */
function time(at, now) {
  const [unit, unitMs] = UNITS.find(([, unitMs]) => now - at >= unitMs) ?? []
  const words = unit ? new Intl.RelativeTimeFormat('en').format(-Math.floor((now - at) / unitMs), unit) : 'just now'
  const exact = new Date(at).toISOString()
  return html`<time datetime="${exact}" title="${exact}">${words}</time>`
}
