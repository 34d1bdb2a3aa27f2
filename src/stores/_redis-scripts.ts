/**
 * What happens inside Redis. Each script is one atomic step on one slot, and writes nothing before it has decided.
 *
 * A record is a hash: `v` version, `e` expiresAt, `p` principal ('' is nobody), `b` body, `i` until when the
 * principal's index has it. A call's own clock judges expiry; Redis's clock only moves the broom.
 *
 * Written for Redis 6.2: no PEXPIREAT GT, no PEXPIRETIME. Integers stay text wherever they are kept, since Lua would
 * print large ones with an exponent.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { isNoScript } from './_redis-faults.ts'
import type { Connection } from './_redis-client.ts'

/** A script, and the name under which Redis remembers it. */
export interface Script {
  readonly lua: string
  readonly sha: string
}

/** Runs a script; one that the node does not know yet, or no more, is sent whole. All keys are in one slot. */
export async function runScript(
  connection: Connection,
  { lua, sha }: Script,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  const [key = ''] = keys
  const rest = [String(keys.length), ...keys, ...args.map(String)]
  try {
    return await connection.send(key, ['evalsha', sha, ...rest])
  } catch (error) {
    if (!isNoScript(error)) throw error
    return connection.send(key, ['eval', lua, ...rest])
  }
}

/** now, broomAt, v, e, p, b, i → 1, or 0 when the id is taken. What cannot be read is not ours to write over. */
export const CREATE: Script = onRecord(`
  local now, broomAt = ARGV[1], ARGV[2]
  if redis.call('EXISTS', KEYS[1]) == 1 then
    if not integer(e) or integer(e) > integer(now) then return 0 end
    redis.call('DEL', KEYS[1])
  end
  redis.call('HSET', KEYS[1], 'v', ARGV[3], 'e', ARGV[4], 'p', ARGV[5], 'b', ARGV[6], 'i', ARGV[7])
  redis.call('PEXPIREAT', KEYS[1], broomAt)
  return 1`)

/**
 * now, broomAt, v, e, p, b, i ('' when the caller has not written to the index), ifVersion, channel, id
 * → 1, 0 when it is gone, the stored v, e, p, b in conflict, or an empty list when the index must be written first.
 */
export const SAVE: Script = onRecord(`
  local now, broomAt, ifVersion = ARGV[1], ARGV[2], ARGV[8]
  local newE, newP, newI = ARGV[4], ARGV[5], ARGV[7]
  if not live(now) then return 0 end
  if v ~= ifVersion then return { v, e, p, b } end
  if newI == '' then
    if newP ~= '' and not indexed(newP, newE) then return {} end
    newI = i or '0'
  end
  redis.call('HSET', KEYS[1], 'v', ARGV[3], 'e', newE, 'p', newP, 'b', ARGV[6], 'i', newI)
  redis.call('PEXPIREAT', KEYS[1], broomAt)
  tell(ARGV[9], ARGV[10])
  return 1`)

/**
 * now, broomAt, e, and, when the caller has written to an index: whose, until when
 * → 1, 0 when it is gone, or, in a list, the principal whose index must be written first.
 */
export const TOUCH: Script = onRecord(`
  local now, broomAt, newE, owner, untilWhen = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
  if not live(now) then return 0 end
  if integer(newE) <= integer(e) then return 1 end
  if p ~= '' and p == owner then i = untilWhen end
  if p ~= '' and not indexed(p, newE) then return { p } end
  redis.call('HSET', KEYS[1], 'e', newE, 'i', i or '0')
  redis.call('PEXPIREAT', KEYS[1], broomAt)
  return 1`)

/** channel, id, principal ('' for anybody's) → nil when nothing was removed, else its e ('' when it has none). */
export const REMOVE: Script = onRecord(`
  local principal = ARGV[3]
  if principal ~= '' and p ~= principal then return false end
  if redis.call('DEL', KEYS[1]) == 0 then return false end
  tell(ARGV[1], ARGV[2])
  return e or ''`)

/**
 * The index: id, until when, the instant up to which entries are dead. Never moves an entry back, and lives as long
 * as its last one.
 */
export const INDEX: Script = script(`
  redis.call('ZADD', KEYS[1], 'GT', ARGV[2], ARGV[1])
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
  local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
  if last then redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', last + ARGV[4])) end`)

/** The mark, and the index: now, for how long (ms) the mark is kept → the ids in the index. Never moves a mark back. */
export const REVOKE: Script = script(`
  local mark = tonumber(redis.call('GET', KEYS[1]) or '')
  if mark and mark >= tonumber(ARGV[1]) then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
  else
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  end
  return redis.call('ZRANGE', KEYS[2], 0, -1)`)

// --- internal ---

/** A script on the record under KEYS[1]: that is read first, which also fails when the key holds something else. */
function onRecord(lua: string): Script {
  return script(`
  local function integer(text)
    local n = text and string.find(text, '^%d+$') and tonumber(text)
    return n and n <= ${Number.MAX_SAFE_INTEGER} and n
  end
  local v, e, p, b, i = unpack(redis.call('HMGET', KEYS[1], 'v', 'e', 'p', 'b', 'i'))
  local function live(now)
    return integer(v) and p and b and integer(e) and integer(e) > integer(now)
  end
  local function indexed(principal, expiresAt)
    return p == principal and integer(i) and integer(i) >= integer(expiresAt)
  end
  local function tell(channel, id)
    if channel ~= '' then redis.call('PUBLISH', channel, id) end
  end${lua}`)
}

function script(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') }
}
