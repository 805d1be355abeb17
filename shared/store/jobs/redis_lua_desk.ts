/** Scripts of whoever looks after a queue from outside: rules, counts, single jobs. */
import { GROUP } from "./redis_keys.ts";
import { LUA, LUA_BASE } from "./redis_lua.ts";

/** ARGV paused, concurrency, jobs of the rate, its ms; "": as it was. Those that a limit held back may go on now. */
export const SET_RULES = `${LUA}
local rules = object(redis.call('GET', B .. 'cfg')) or { paused = 0, c = 0, n = 0, p = 0 }
for i, name in ipairs({ 'paused', 'c', 'n', 'p' }) do
  if ARGV[i] ~= '' then rules[name] = tonumber(ARGV[i]) end
end
if rules.paused == 0 and not is_limited(rules) then redis.call('DEL', B .. 'cfg')
else redis.call('SET', B .. 'cfg', cjson.encode(rules)) end
look('', now())`;

/** Answers waiting, delayed, running, dead, age in ms of the oldest waiting in a lane, how many wait to run alone. */
export const COUNTS = `${LUA_BASE}
local waiting, running, oldest, alone = tonumber(redis.call('GET', B .. 'n') or '0'), 0, 0, 0
-- One that is due waits, whether or not somebody has moved it already.
local due = redis.call('ZCOUNT', B .. 'd', '-inf', now())
if due > 0 then
  waiting = waiting + due
  oldest = math.max(0, now() - redis.call('ZRANGE', B .. 'd', 0, 0, 'WITHSCORES')[2])
end
for l, stream in pairs(LANES) do
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
  if l == '3' then alone = fresh
  elseif fresh > 0 then
    local first = redis.call('XRANGE', stream, delivered and '(' .. delivered or '-', '+', 'COUNT', 1)[1]
    if first then oldest = math.max(oldest, now() - string.match(first[1], '^%d+')) end
  end
  waiting, running = waiting + fresh, running + pending
end
return { waiting, redis.call('ZCARD', B .. 'd') - due, running, redis.call('XLEN', B .. 'dlq'), oldest, alone }`;

/**
 * ARGV reason, error, then where a job is ("0" to "3" the lane, else the sorted set) and its id in the stream or
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

/**
 * ARGV where to go on, where to end ('+': at the newest of now), type, reason ("" any), then ids or nothing for all.
 * Answers how many were put back, where to go on ('' at the end), where to end.
 */
export const REPLAY = `${LUA}
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
