/**
 * Every change of state is one script, so that it applies once and whole. A job is written to its new place before
 * it leaves the old one: when Redis refuses the write (maxmemory), nothing is lost.
 */
import type { Redis } from "ioredis";
import { DEAD_AGE_MAX_MS } from "./job.ts";
import { GROUP } from "./redis_keys.ts";
import { ADMIT, CANCEL, HURRY, KILL, LUA, LUA_BASE, LUA_ENTRY, NOTE, SET_RULES } from "./redis_lua.ts";

/** An enqueue is repeated within seconds or never. */
const HEARD_MS = 120_000;

/**
 * ARGV client, its slot, its number ("" each: not to be repeated), then a job: lane, delay in ms, m, p, x. Answers
 * place and id of each that is not stored because another one is there.
 */
const ENQUEUE = `${LUA_ENTRY}
local heard, others = B .. 'e:' .. ARGV[1], {}
local again = ARGV[1] ~= '' and redis.call('HGET', heard, ARGV[2]) == ARGV[3]
local function other(X)
  local holder = X.u and redis.call('GET', B .. 'u:' .. X.u[1])
  if holder and holder ~= X.i then return holder end
  if X.r and not again and redis.call('EXISTS', B .. 'j:' .. X.i) == 1 then return X.i end
end
for i = 4, #ARGV, 5 do
  if ARGV[i + 4] == '' and ARGV[i + 1] == '0' then
    if not again then
      redis.call('XADD', LANES[ARGV[i]], '*', 'a', '0', 's', '0', 'm', ARGV[i + 2], 'p', ARGV[i + 3])
    end
  else
    local e = { l = ARGV[i], a = '0', s = '0', m = ARGV[i + 2], p = ARGV[i + 3], x = ARGV[i + 4], h = '' }
    e.X = object(e.x)
    local there = e.X and other(e.X)
    if there then
      others[#others + 1] = (i - 4) / 5
      others[#others + 1] = there
    elseif not again then
      if e.X and e.X.u then redis.call('SET', B .. 'u:' .. e.X.u[1], e.X.i, 'PX', e.X.u[2]) end
      if e.X and e.X.r then redis.call('HSET', B .. 'j:' .. e.X.i, 'm', e.m, 'l', e.l, 'x', e.x) end
      if ARGV[i + 1] == '0' then add(e) else delay(e, ARGV[i + 1]) end
    end
  end
end
if ARGV[1] ~= '' then
  redis.call('HSET', heard, ARGV[2], ARGV[3])
  redis.call('PEXPIRE', heard, ${HEARD_MS})
end
return others`;

/**
 * ARGV owner, how many at most, lanes in their order ("012"). Answers the rules of the queue, then the new entries of
 * each lane; only the rules when it is paused. Last, the lane that has all jobs there are, or ''.
 */
const TAKE = `${LUA_BASE}
local rules = redis.call('GET', B .. 'cfg') or ''
local found, left = { rules, {}, {}, {}, '' }, tonumber(ARGV[2])
local decoded = object(rules)
if decoded and decoded.paused == 1 then return found end
for l in string.gmatch(ARGV[3], '.') do
  if left > 0 then
    local words = { 'XREADGROUP', 'GROUP', '${GROUP}', ARGV[1], 'COUNT', left, 'STREAMS', LANES[l], '>' }
    local reply = redis.pcall(unpack(words))
    if reply and reply.err then
      redis.call('XGROUP', 'CREATE', LANES[l], '${GROUP}', '0', 'MKSTREAM')
      reply = redis.call(unpack(words))
    end
    if reply then
      found[l + 2] = reply[1][2]
      left = left - #reply[1][2]
    end
  end
end
if left == 0 then
  local filled = 0
  for l, stream in pairs(LANES) do
    if redis.call('XLEN', stream) > 0 then
      filled = filled + 1
      found[5] = l
    end
  end
  if filled > 1 then found[5] = '' end
end
return found`;

/**
 * Needs n, how many are asked for. Whether the owner of ARGV[1] holds an entry: XACK and XDEL alone would let a stale
 * worker end a job that another one has.
 */
const HOLDS = `
local owner, held, whole, ids = ARGV[1], {}, {}, { ['0'] = {}, ['1'] = {}, ['2'] = {} }
local function holds(l, id)
  if n > 4 and not held[l] then
    held[l] = {}
    local list = redis.pcall('XPENDING', LANES[l], '${GROUP}', '-', '+', 1000, owner)
    if not list.err then
      for _, e in ipairs(list) do held[l][e[1]] = true end
      whole[l] = #list < 1000
    end
  end
  if whole[l] or (held[l] and held[l][id]) then return held[l][id] end
  local list = redis.pcall('XPENDING', LANES[l], '${GROUP}', id, id, 1, owner)
  return not list.err and #list == 1
end`;

/**
 * ARGV owner, lane, ids of entries whose end is their deletion. Answers as "settle". Most jobs end here: what it knows
 * of is as little as can be.
 */
const ACK = `
local name = ({ ['0'] = 's:high', ['1'] = 's', ['2'] = 's:low' })[ARGV[2]]
local stream = KEYS[1] .. (name or '')
local owner, n, list, held = ARGV[1], #ARGV - 2, {}, {}
if not name then return string.rep('0', n) end
if n > 4 then
  list = redis.pcall('XPENDING', stream, '${GROUP}', '-', '+', 1000, owner)
  if list.err then return string.rep('0', n) end
  for i = 1, #list do held[list[i][1]] = true end
end
local mine, applied = {}, {}
for k = 1, n do
  local id = ARGV[k + 2]
  local is_held = held[id]
  if is_held == nil and (n <= 4 or #list == 1000) then
    local one = redis.pcall('XPENDING', stream, '${GROUP}', id, id, 1, owner)
    is_held = not one.err and #one == 1
  end
  applied[k] = is_held and '1' or '0'
  if is_held then
    mine[#mine + 1] = id
    held[id] = false
  end
end
if #mine > 0 then
  redis.call('XACK', stream, '${GROUP}', unpack(mine))
  redis.call('XDEL', stream, unpack(mine))
end
return table.concat(applied)`;

/**
 * ARGV owner, then a settlement: fence, kind, and for an ack the result; for a retry delay, error, history; for a dead
 * job reason, error, history. Answers one digit each: 1 applied, 0 the owner does not hold it.
 */
const SETTLE = `${LUA}
local n = (#ARGV - 1) / 5
${HOLDS}
local seen, applied = {}, {}
for k = 1, n do
  local at = 5 * k - 3
  local kind, x, y, z = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local l, id, mark = lease(ARGV[at])
  if not l or seen[l .. id] or not holds(l, id) then applied[k] = '0'
  else
    seen[l .. id] = true
    ids[l][#ids[l] + 1] = id
    applied[k] = '1'
    local e = (kind ~= 'ack' or mark == '*') and entry(l, id)
    if e then
      if kind == 'release' then add(e)
      elseif kind == 'cancelled' then ended(e.X, 's', 'cancelled')
      elseif kind == 'ack' then
        if x ~= '' then ended(e.X, 's', 'done', 'v', x) else ended(e.X, 's', 'done') end
      else
        e.a = e.a + 1
        if z ~= '' then e.h = z end
        if kind == 'dead' then bury(e, x, y)
        else
          note(e.X, 'e', y)
          if x == '0' then add(e) else delay(e, x) end
        end
      end
      leave_all(e, l .. id)
    end
  end
end
for l, list in pairs(ids) do drop(l, list) end
return table.concat(applied)`;

/** ARGV owners. JUSTID: no delivery is counted (redis.io/commands/xclaim). */
const RENEW = `${LUA_BASE}
for _, stream in pairs(LANES) do
  for _, owner in ipairs(ARGV) do
    local from = '-'
    repeat
      local list = redis.pcall('XPENDING', stream, '${GROUP}', from, '+', 1000, owner)
      if list.err then break end
      local ids = {}
      for i, e in ipairs(list) do ids[i] = e[1] end
      if #ids > 0 then
        redis.call('XCLAIM', stream, '${GROUP}', owner, 0, unpack(ids), 'JUSTID')
        from = '(' .. ids[#ids]
      end
    until #list < 1000
  end
end`;

/** ARGV owner. Its consumers go too, once nothing is pending for them. */
const RELEASE = `${LUA}
local freed = 0
for l, stream in pairs(LANES) do
  repeat
    local list = redis.pcall('XPENDING', stream, '${GROUP}', '-', '+', 500, ARGV[1])
    if list.err then break end
    local ids = {}
    for i, e in ipairs(list) do ids[i] = e[1] end
    stalled(l, ids)
    freed = freed + #ids
    if #list < 500 then redis.call('XGROUP', 'DELCONSUMER', stream, '${GROUP}', ARGV[1]) end
  until #list < 500
end
return freed`;

/** ARGV lease in ms, age in ms at which a consumer that holds nothing is forgotten. */
const RECLAIM = `${LUA}
local freed = 0
for l, stream in pairs(LANES) do
  local list = redis.pcall('XPENDING', stream, '${GROUP}', 'IDLE', ARGV[1], '-', '+', 500)
  if not list.err then
    local ids = {}
    for i, e in ipairs(list) do ids[i] = e[1] end
    stalled(l, ids)
    freed = freed + #ids
    for _, c in ipairs(redis.call('XINFO', 'CONSUMERS', stream, '${GROUP}')) do
      local info = {}
      for i = 1, #c, 2 do info[c[i]] = c[i + 1] end
      if info.pending == 0 and info.idle > tonumber(ARGV[2]) then
        redis.call('XGROUP', 'DELCONSUMER', stream, '${GROUP}', info.name)
      end
    end
  end
end
redis.call('XTRIM', B .. 'dlq', 'MINID', '~', now() - ${DEAD_AGE_MAX_MS})
return freed`;

/** Answers ms until the next is due, -1 when there is none. */
const PROMOTE = `${LUA}
local time = now()
local due = redis.call('ZRANGEBYSCORE', B .. 'd', '-inf', time, 'LIMIT', 0, 500)
for _, member in ipairs(due) do
  local e = unpacked(member)
  if not is_cancelled(e) then add(e) end
  redis.call('ZREM', B .. 'd', member)
end
local rules = object(redis.call('GET', B .. 'cfg'))
local gates = redis.call('ZRANGEBYSCORE', B .. 'gates', '-inf', time, 'LIMIT', 0, 500)
for _, g in ipairs(gates) do
  redis.call('ZREM', B .. 'gates', g)
  if g ~= '' or is_limited(rules) then open(g, 1)
  else
    open(g, 500)
    look(g, time)
  end
end
if #due == 500 or #gates == 500 then return 0 end
local wait = -1
for _, key in ipairs({ B .. 'd', B .. 'gates' }) do
  local next = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
  local ms = next and math.max(0, math.ceil(next - time))
  if ms and (wait < 0 or ms < wait) then wait = ms end
end
return wait`;

/** Answers waiting, delayed, running, dead, age of the oldest waiting in ms. */
const COUNTS = `${LUA_BASE}
local waiting, running, oldest = tonumber(redis.call('GET', B .. 'n') or '0'), 0, 0
for _, stream in pairs(LANES) do
  local pending, delivered = 0, false
  local groups = redis.pcall('XINFO', 'GROUPS', stream)
  if not groups.err then
    for _, g in ipairs(groups) do
      local info = {}
      for i = 1, #g, 2 do info[g[i]] = g[i + 1] end
      if info.name == '${GROUP}' then pending, delivered = info.pending, info['last-delivered-id'] end
    end
  end
  local fresh = math.max(0, redis.call('XLEN', stream) - pending)
  if fresh > 0 then
    local first = redis.call('XRANGE', stream, delivered and '(' .. delivered or '-', '+', 'COUNT', 1)[1]
    if first then oldest = math.max(oldest, now() - string.match(first[1], '^%d+')) end
  end
  waiting, running = waiting + fresh, running + pending
end
return { waiting, redis.call('ZCARD', B .. 'd'), running, redis.call('XLEN', B .. 'dlq'), oldest }`;

/**
 * ARGV where to go on, where to end ('+': at the newest of now), type, reason ("" any), then ids or nothing for all.
 * Answers how many were put back, where to go on ('' at the end), where to end.
 */
const REPLAY = `${LUA}
local dead, last = B .. 'dlq', ARGV[2]
if last == '+' then
  local newest = redis.call('XREVRANGE', dead, '+', '-', 'COUNT', 1)[1]
  if not newest then return { 0, '', last } end
  last = newest[1]
end
local ids
if #ARGV > 4 then
  ids = {}
  for i = 5, #ARGV do ids[ARGV[i]] = true end
end
local moved = 0
local list = redis.call('XRANGE', dead, ARGV[1], last, 'COUNT', 200)
for _, found in ipairs(list) do
  local f = {}
  for i = 1, #found[2], 2 do f[found[2][i]] = found[2][i + 1] end
  local known = object(f.m) or {}
  local wanted = (ARGV[3] == '' or ARGV[3] == known[2]) and (ARGV[4] == '' or ARGV[4] == f.r)
  if wanted and (not ids or ids[known[1]]) then
    local e = { l = f.l or '1', a = '0', s = '0', m = f.m, x = f.x or '', h = '', p = f.p, X = object(f.x) }
    if e.X and e.X.u then redis.call('SET', B .. 'u:' .. e.X.u[1], e.X.i, 'PX', e.X.u[2], 'NX') end
    if e.X and e.X.r then
      redis.call('HSET', B .. 'j:' .. e.X.i, 'm', e.m, 'l', e.l, 'x', e.x)
      redis.call('HDEL', B .. 'j:' .. e.X.i, 'r', 'e', 't', 'p', 'c')
      redis.call('PERSIST', B .. 'j:' .. e.X.i)
    end
    add(e)
    redis.call('XDEL', dead, found[1])
    moved = moved + 1
  end
end
return { moved, #list == 200 and '(' .. list[#list][1] or '', last }`;

/** KEYS hash; ARGV name, slot. Never goes back. */
export const CRON_DONE = `
local last = redis.call('HGET', KEYS[1], ARGV[1])
if not last or tonumber(last) < tonumber(ARGV[2]) then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end`;

const SCRIPTS = {
  enqueue: ENQUEUE,
  take: TAKE,
  admit: ADMIT,
  setRules: SET_RULES,
  ack: ACK,
  settle: SETTLE,
  note: NOTE,
  cancel: CANCEL,
  renew: RENEW,
  release: RELEASE,
  reclaim: RECLAIM,
  promote: PROMOTE,
  counts: COUNTS,
  replay: REPLAY,
  kill: KILL,
  hurry: HURRY,
};

export type ScriptName = keyof typeof SCRIPTS;

const digests = new Map<ScriptName, string>();

/** Runs a script on a queue by its digest; sends its text when this Redis has not seen it. */
export async function runScript(
  redis: Redis,
  name: ScriptName,
  base: string,
  args: readonly (string | number)[],
): Promise<unknown> {
  try {
    return await redis.call("EVALSHA", [digestOf(name), 1, base, ...args]);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
    return redis.call("EVAL", [SCRIPTS[name], 1, base, ...args]);
  }
}

function digestOf(name: ScriptName): string {
  const known = digests.get(name);
  if (known) return known;
  const digest = new Bun.CryptoHasher("sha1").update(SCRIPTS[name]).digest("hex");
  digests.set(name, digest);
  return digest;
}
