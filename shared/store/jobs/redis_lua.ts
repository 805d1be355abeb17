/**
 * What the scripts share. KEYS[1] is what all keys of the queue begin with; the others are made from it, in the same
 * slot of a cluster:
 *
 *   s:high, s, s:low  streams of the lanes      d      sorted set of delayed jobs, by due ms of Redis's clock
 *   dlq               stream of dead jobs       cfg    what holds for the queue (queue_rules.ts)
 *   u:KEY             lock of a unique job      j:ID   record (hash)
 *   r:KEY             set of running jobs under a limit       w:KEY  sorted set of those it holds back
 *   g:KEY             when its rate has room again            gates  sorted set: which limit to look at, and when
 *   n                 how many are held back    e:CLIENT      the last enqueue heard in each of its slots (hash)
 *
 * An entry in Lua is { l lane, a attempts, s stalls, m what is known of it, x extras, h history, p payload }. One with
 * foreign fields keeps them as text, and stays unreadable as a job. A lease is "lane id"; its fence has a mark between.
 */
import { DEAD_JOBS_MAX, STALLS_MAX } from "./job.ts";
import { GROUP } from "./redis_keys.ts";

/** The lane's number, "*" when its end is more than a deletion or "-", and the id in the stream. */
export const FENCE_PATTERN = "^(%d)([*-])(.+)$";

/** How many jobs a limit that opens lets go at once; each that begins lets go more. */
const OPEN_MAX = 20;
/** A cancelled job that is not among so many of its moment is left out when its turn comes. */
const SAME_MOMENT_MAX = 200;
const CANCELLED_KEPT_MS = 30 * 24 * 3_600_000;

/** Keys, clock, leases. Each piece is run with every script that has it: scripts take no more than they need. */
export const LUA_BASE = `
local B = KEYS[1]
local LANES = { ['0'] = B .. 's:high', ['1'] = B .. 's', ['2'] = B .. 's:low' }
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function object(text)
  if not text or text == '' then return nil end
  local ok, value = pcall(cjson.decode, text)
  return ok and type(value) == 'table' and value or nil
end
local function lease(fence)
  local l, mark, id = string.match(fence, '${FENCE_PATTERN}')
  return l, id, mark
end
local function drop(l, ids)
  for i = 1, #ids, 1000 do
    local last = math.min(i + 999, #ids)
    redis.call('XACK', LANES[l], '${GROUP}', unpack(ids, i, last))
    redis.call('XDEL', LANES[l], unpack(ids, i, last))
  end
end
`;

/** Records and locks, and entries on their ways. */
export const LUA_ENTRY = `${LUA_BASE}
local function note(X, ...)
  if X and X.r and redis.call('EXISTS', B .. 'j:' .. X.i) == 1 then redis.call('HSET', B .. 'j:' .. X.i, ...) end
end
local function unlock(X)
  if X and X.u and redis.call('GET', B .. 'u:' .. X.u[1]) == X.i then redis.call('DEL', B .. 'u:' .. X.u[1]) end
end
local function ended(X, ...)
  if not X then return end
  unlock(X)
  if not X.r then return end
  note(X, 't', now(), ...)
  redis.call('PEXPIRE', B .. 'j:' .. X.i, X.r[1])
  redis.call('PUBLISH', B .. 'ends', X.i)
end

local function read(l, f)
  if f[1] == 'a' and f[3] == 's' and f[5] == 'm' and f[7] == 'p' then
    return { l = l, a = f[2], s = f[4], m = f[6], p = f[8], x = f[10] or '', h = f[12] or '', X = object(f[10]) }
  end
  return { l = l, a = '0', s = '0', m = '', p = cjson.encode(f), x = '', h = '' }
end
local function entry(l, id)
  local e = redis.call('XRANGE', LANES[l], id, id)[1]
  return e and read(l, e[2])
end
local function add(e)
  if e.x == '' and e.h == '' then redis.call('XADD', LANES[e.l], '*', 'a', e.a, 's', e.s, 'm', e.m, 'p', e.p)
  else
    local id = redis.call('XADD', LANES[e.l], '*', 'a', e.a, 's', e.s, 'm', e.m, 'p', e.p, 'x', e.x, 'h', e.h)
    note(e.X, 's', 'waiting', 'a', e.a, 'f', e.l .. id)
  end
end
local function pack(e)
  return table.concat({ e.l, e.a, e.s, e.m, e.x, e.h, e.p }, '\\n')
end
local function unpacked(member)
  local l, a, s, m, x, h, p = string.match(member, '^([012])\\n(%d+)\\n(%d+)\\n([^\\n]*)\\n([^\\n]*)\\n([^\\n]*)\\n(.*)$')
  if not l then return { l = '1', a = '0', s = '0', m = '', x = '', h = '', p = member } end
  return { l = l, a = a, s = s, m = m, x = x, h = h, p = p, X = object(x) }
end
local function delay(e, ms)
  local due = now() + ms
  redis.call('ZADD', B .. 'd', due, pack(e))
  note(e.X, 's', 'delayed', 'a', e.a, 'f', 'd', 'd', due)
  if e.X and e.X.u and redis.call('GET', B .. 'u:' .. e.X.u[1]) == e.X.i then
    redis.call('PEXPIRE', B .. 'u:' .. e.X.u[1], ms + e.X.u[2])
  end
end
`;

/** Limits, and the ends that concern them. */
export const LUA = `${LUA_ENTRY}
local function bury(e, reason, err)
  redis.call('XADD', B .. 'dlq', 'MAXLEN', '~', ${DEAD_JOBS_MAX}, '*',
    'a', e.a, 'm', e.m, 'p', e.p, 'r', reason, 'e', err, 'l', e.l, 'x', e.x, 'h', e.h)
  ended(e.X, 's', 'dead', 'a', e.a, 'r', reason, 'e', err)
end
local function is_cancelled(e)
  return e.X and e.X.r and redis.call('HGET', B .. 'j:' .. e.X.i, 's') == 'cancelled'
end
local function open(g, count)
  local opened = 0
  repeat
    local list = redis.call('ZRANGE', B .. 'w:' .. g, 0, count - opened - 1)
    for _, member in ipairs(list) do
      local e = unpacked(member)
      if not is_cancelled(e) then
        add(e)
        opened = opened + 1
      end
      redis.call('ZREM', B .. 'w:' .. g, member)
      redis.call('DECR', B .. 'n')
    end
  until #list == 0 or opened >= count
end
local function look(g, at)
  if redis.call('EXISTS', B .. 'w:' .. g) == 1 then redis.call('ZADD', B .. 'gates', at, g) end
end
local function is_limited(rules)
  return rules and (rules.c > 0 or rules.n > 0)
end
local function leave(g, held)
  if redis.call('SREM', B .. 'r:' .. g, held) == 1 then open(g, 1) end
end
local function leave_all(e, held)
  leave('', held)
  if e.X and e.X.k then leave(e.X.k[1], held) end
end
local function stalled(l, ids)
  for _, id in ipairs(ids) do
    local e = entry(l, id)
    if e then
      e.s = e.s + 1
      leave_all(e, l .. id)
      if e.s >= ${STALLS_MAX} then bury(e, 'stalled', 'its worker died ${STALLS_MAX} times')
      else add(e) end
    end
  end
  drop(l, ids)
end
`;

/**
 * ARGV owner, fences. Answers a digit each: 1 run it; 0 it is not to run now: cancelled, or held back by a limit, or
 * not ours. What waits for room stands aside until somebody leaves (leave) or the time comes (gates).
 */
export const ADMIT = `${LUA}
local owner, t, rules = ARGV[1], now(), object(redis.call('GET', B .. 'cfg') or '')
local function room(gate)
  local g, c, n, per = unpack(gate)
  local free = ${OPEN_MAX}
  if c > 0 then
    free = c - redis.call('SCARD', B .. 'r:' .. g)
    if free <= 0 then return 0, -1 end
    free = 1
  end
  if n > 0 then
    local tat = tonumber(redis.call('GET', B .. 'g:' .. g) or '0')
    local ahead = math.max(0, tat - t)
    local slots = math.floor((per - ahead) * n / per + 1e-6)
    if slots < 1 then return 0, math.ceil(ahead - per + per / n) end
    free = math.min(free, slots)
  end
  return free, 0
end
local function enter(gate, held)
  local g, c, n, per = unpack(gate)
  if c > 0 then redis.call('SADD', B .. 'r:' .. g, held) end
  if n > 0 then
    local tat = math.max(t, tonumber(redis.call('GET', B .. 'g:' .. g) or '0')) + per / n
    redis.call('SET', B .. 'g:' .. g, string.format('%.3f', tat), 'PX', math.ceil(tat - t + per))
  end
end
local function park(e, g, wait, id)
  local place, turn = 'w:' .. g, e.l * 1e14 + string.match(id, '^%d+')
  redis.call('ZADD', B .. place, turn, pack(e))
  redis.call('INCR', B .. 'n')
  note(e.X, 'f', place, 'd', turn)
  if wait > 0 then redis.call('ZADD', B .. 'gates', t + wait, g) end
end
local function admit(fence)
  local l, id = lease(fence)
  if #redis.call('XPENDING', LANES[l], '${GROUP}', id, id, 1, owner) == 0 then return '0' end
  local e = entry(l, id)
  if not e then return '0' end
  local gates = {}
  if is_limited(rules) then gates[1] = { '', rules.c, rules.n, rules.p } end
  if e.X and e.X.k then gates[#gates + 1] = e.X.k end
  if is_cancelled(e) then
    for _, gate in ipairs(gates) do look(gate[1], t) end
    drop(l, { id })
    return '0'
  end
  local mine = false
  for i, gate in ipairs(gates) do
    if redis.call('SISMEMBER', B .. 'r:' .. gate[1], l .. id) == 1 then mine = true end
  end
  if not mine then
    for i, gate in ipairs(gates) do
      local free, wait = room(gate)
      if free == 0 then
        park(e, gate[1], wait, id)
        for k = 1, i - 1 do look(gates[k][1], t) end
        drop(l, { id })
        return '0'
      end
    end
    for _, gate in ipairs(gates) do
      enter(gate, l .. id)
      if redis.call('EXISTS', B .. 'w:' .. gate[1]) == 1 then
        local free, wait = room(gate)
        if free > 0 then open(gate[1], free)
        elseif wait > 0 then look(gate[1], t + wait) end
      end
    end
  end
  note(e.X, 's', 'running', 'a', e.a + 1, 'f', l .. id)
  if e.X and e.X.u and e.X.u[3] == 1 then unlock(e.X) end
  return '1'
end
local admitted = {}
for k = 2, #ARGV do admitted[k - 1] = admit(ARGV[k]) end
return table.concat(admitted)`;

/** ARGV paused, concurrency, jobs of the rate, its ms; "": as it was. Those that a limit held back may go on now. */
export const SET_RULES = `${LUA}
local rules = object(redis.call('GET', B .. 'cfg')) or { paused = 0, c = 0, n = 0, p = 0 }
for i, name in ipairs({ 'paused', 'c', 'n', 'p' }) do
  if ARGV[i] ~= '' then rules[name] = tonumber(ARGV[i]) end
end
if rules.paused == 0 and not is_limited(rules) then redis.call('DEL', B .. 'cfg')
else redis.call('SET', B .. 'cfg', cjson.encode(rules)) end
look('', now())`;

/** ARGV id. It leaves its place (field f of its record) at once. Answers 1 when it is cancelled or told to stop, 0 when it has ended, -1 when there is no record. */
export const CANCEL = `${LUA}
local function taken_out(X, place, at)
  local l, id = string.match(place or '', '^([012])(%d+%-%d+)$')
  if l then
    if not entry(l, id) then return false end
    drop(l, { id })
    -- It may have been the one that a limit had let go.
    look('', now())
    if X.k then look(X.k[1], now()) end
    return true
  end
  if not place or not at then return false end
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', B .. place, at, at, 'LIMIT', 0, ${SAME_MOMENT_MAX})) do
    local other = unpacked(member).X
    if other and other.i == X.i then
      redis.call('ZREM', B .. place, member)
      if place ~= 'd' then redis.call('DECR', B .. 'n') end
      return true
    end
  end
  return false
end
local j = B .. 'j:' .. ARGV[1]
local state = redis.call('HGET', j, 's')
if not state then return -1 end
if state == 'running' then
  redis.call('HSET', j, 'c', '1')
  return 1
end
if state ~= 'waiting' and state ~= 'delayed' then return 0 end
local X = object(redis.call('HGET', j, 'x'))
ended(X, 's', 'cancelled')
if not taken_out(X, unpack(redis.call('HMGET', j, 'f', 'd'))) then
  local left = state == 'delayed' and math.max(0, redis.call('HGET', j, 'd') - now()) or 0
  redis.call('PEXPIRE', j, math.max(X.r[1], ${CANCELLED_KEPT_MS}) + left)
end
return 1`;

/** ARGV fence, id, progress ("" none) each. Answers a digit each: 1 it was cancelled. */
export const NOTE = `${LUA_BASE}
local answers = {}
for k = 1, #ARGV, 3 do
  local l, id = lease(ARGV[k])
  local j, stop = B .. 'j:' .. ARGV[k + 1], '0'
  if redis.call('HGET', j, 'f') == l .. id then
    if ARGV[k + 2] ~= '' then redis.call('HSET', j, 'p', ARGV[k + 2]) end
    stop = redis.call('HGET', j, 'c') or '0'
  end
  answers[#answers + 1] = stop
end
return table.concat(answers)`;

/**
 * ARGV reason, error, then where a job is ("0", "1", "2" the lane, else the sorted set) and its id in the stream or
 * its member. Answers a digit each: 1 it is dead now, 0 it is not there any more.
 */
export const KILL = `${LUA}
local answers = {}
for k = 3, #ARGV, 2 do
  local place, id, e = ARGV[k], ARGV[k + 1], nil
  if LANES[place] then
    e = entry(place, id)
    if e then
      bury(e, ARGV[1], ARGV[2])
      leave_all(e, place .. id)
      drop(place, { id })
    end
  elseif redis.call('ZSCORE', B .. place, id) then
    e = unpacked(id)
    bury(e, ARGV[1], ARGV[2])
    redis.call('ZREM', B .. place, id)
    if place ~= 'd' then redis.call('DECR', B .. 'n') end
  end
  if e then
    look('', now())
    if e.X and e.X.k then look(e.X.k[1], now()) end
  end
  answers[#answers + 1] = e and '1' or '0'
end
return table.concat(answers)`;

/** ARGV members of the delayed jobs. Answers a digit each: 1 it waits for a worker now, 0 it is not there any more. */
export const HURRY = `${LUA}
local answers = {}
for k = 1, #ARGV do
  local there = redis.call('ZSCORE', B .. 'd', ARGV[k])
  if there then
    add(unpacked(ARGV[k]))
    redis.call('ZREM', B .. 'd', ARGV[k])
  end
  answers[k] = there and '1' or '0'
end
return table.concat(answers)`;
