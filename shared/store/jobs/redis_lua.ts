/**
 * What the scripts share. KEYS[1] is what all keys of the queue begin with; the others are made from it, in the same
 * slot of a cluster:
 *
 *   s:high, s, s:low  streams of the lanes      d      sorted set of delayed jobs, by due ms of Redis's clock
 *   s:alone           stream of all lanes' jobs that run alone
 *   dlq               stream of dead jobs       cfg    what holds for the queue (queue_rules.ts)
 *   u:KEY             lock of a unique job      j:ID   record (hash)
 *   r:KEY             set of running jobs under a limit       w:KEY  sorted set of those it holds back
 *   b:KEY             how many of its rate began when           gates  sorted set: which limit to look at, and when
 *   n                 how many are held back    e:CLIENT:SLOT  the last enqueue heard of it there
 *   q                 its name is among the queues: what empties Redis takes both
 *
 * A record's field f is where its job is: lane and id in the stream, or the sorted set, where d is its score.
 *
 * An entry in Lua is { l lane, a attempts, s stalls, m what is known of it, x extras, h history, p payload }. One with
 * foreign fields keeps them as text, and stays unreadable as a job. A lease is "lane id"; its fence has a mark between.
 * Lane 3 is s:alone, whose entries say from which lane they come. Field z of the extras is how many leases were lost
 * unexplained; from LOSSES_MAX on the job runs alone. Workers of older versions carry it along and never read s:alone.
 */
import { DEAD_JOBS_MAX, LOSSES_MAX, NOT_HEARD, STALLS_MAX, stalledSentence } from "./job.ts";
import { GROUP } from "./redis_keys.ts";

/** The lane's number, "*" when its end is more than a deletion or "-", and the id in the stream. */
const FENCE_PATTERN = "^(%d)([*-])(.+)$";

/** Keys, clock, leases. Each piece is run with every script that has it: scripts take no more than they need. */
export const LUA_BASE = `
local B = KEYS[1]
local LANES = { ['0'] = B .. 's:high', ['1'] = B .. 's', ['2'] = B .. 's:low', ['3'] = B .. 's:alone' }
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
    local own = l == '3' and f[14] or l
    return { l = own, a = f[2], s = f[4], m = f[6], p = f[8], x = f[10] or '', h = f[12] or '', X = object(f[10]) }
  end
  return { l = l, a = '0', s = '0', m = '', p = cjson.encode(f), x = '', h = '' }
end
local function entry(l, id)
  local e = redis.call('XRANGE', LANES[l], id, id)[1]
  return e and read(l, e[2])
end
local function losses(e)
  return e.X and tonumber(e.X.z) or 0
end
local function suspect(e, count)
  if losses(e) == count then return end
  e.X = e.X or {}
  e.X.z = count > 0 and count or nil
  e.x = next(e.X) and cjson.encode(e.X) or ''
  if e.x == '' then e.X = nil end
end
local function add(e)
  local l, words = e.l, { 'a', e.a, 's', e.s, 'm', e.m, 'p', e.p }
  if losses(e) >= ${LOSSES_MAX} then
    l, words = '3', { 'a', e.a, 's', e.s, 'm', e.m, 'p', e.p, 'x', e.x, 'h', e.h, 'l', e.l }
    -- Those who read it could not make it in a full Redis.
    redis.pcall('XGROUP', 'CREATE', LANES[l], '${GROUP}', '0', 'MKSTREAM')
  elseif e.x ~= '' or e.h ~= '' then
    words = { 'a', e.a, 's', e.s, 'm', e.m, 'p', e.p, 'x', e.x, 'h', e.h }
  end
  local id = redis.call('XADD', LANES[l], '*', unpack(words))
  note(e.X, 's', 'waiting', 'a', e.a, 'f', l .. id)
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
  suspect(e, 0)
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
local function gone(l, ids, kind, alone, how)
  for _, id in ipairs(ids) do
    local e = entry(l, id)
    if e then
      leave_all(e, l .. id)
      if kind == 'lost' then
        alone, how = l == '3', '${NOT_HEARD}'
        suspect(e, math.min(${LOSSES_MAX}, losses(e) + 1))
      elseif kind == 'died' then suspect(e, ${LOSSES_MAX}) end
      if kind ~= 'stopped' and alone then e.s = e.s + 1 end
      if e.s + 0 >= ${STALLS_MAX} then bury(e, 'stalled', '${stalledSentence("")}' .. how)
      else add(e) end
    end
  end
  drop(l, ids)
end
`;
