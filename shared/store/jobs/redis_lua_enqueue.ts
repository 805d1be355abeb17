/** Scripts by which jobs and crons come into Redis. */
import { LUA_ENTRY } from "./redis_lua.ts";

/** An enqueue is repeated within seconds or never. */
const HEARD_MS = 120_000;

/**
 * ARGV the slot of the call, its number there, then a job: its lane's stream, m, p. Most jobs come this way: nothing is
 * made or looked up that they do not need. Answers 1 when the queue's name is known (q), 0 when it must be told of.
 */
export const ADD = `
local base, heard = KEYS[1], KEYS[1] .. 'e:' .. ARGV[1]
local known = redis.call('EXISTS', base .. 'q')
if redis.call('SET', heard, ARGV[2], 'PX', '${HEARD_MS}', 'GET') == ARGV[2] then return known end
for i = 3, #ARGV, 3 do
  local reply = redis.pcall('XADD', base .. ARGV[i], '*', 'a', '0', 's', '0', 'm', ARGV[i + 1], 'p', ARGV[i + 2])
  if reply.err then
    redis.call('DEL', heard)
    return reply
  end
end
return known`;

/**
 * The same with a job's delay in ms behind its lane (here its number), and x last. Answers the same, then place and id
 * of each that is not stored because another one is there.
 */
export const ENQUEUE = `${LUA_ENTRY}
local heard, others = B .. 'e:' .. ARGV[1], { redis.call('EXISTS', B .. 'q') }
local again = redis.call('GET', heard) == ARGV[2]
local function other(X)
  local holder = X.u and redis.call('GET', B .. 'u:' .. X.u[1])
  if holder and holder ~= X.i then return holder end
  if X.r and not again and redis.call('EXISTS', B .. 'j:' .. X.i) == 1 then return X.i end
end
for i = 3, #ARGV, 5 do
  if ARGV[i + 4] == '' and ARGV[i + 1] == '0' then
    if not again then
      redis.call('XADD', LANES[ARGV[i]], '*', 'a', '0', 's', '0', 'm', ARGV[i + 2], 'p', ARGV[i + 3])
    end
  else
    local e = { l = ARGV[i], a = '0', s = '0', m = ARGV[i + 2], p = ARGV[i + 3], x = ARGV[i + 4], h = '' }
    e.X = object(e.x)
    local there = e.X and other(e.X)
    if there then
      others[#others + 1] = (i - 3) / 5
      others[#others + 1] = there
    elseif not again then
      if e.X and e.X.u then redis.call('SET', B .. 'u:' .. e.X.u[1], e.X.i, 'PX', e.X.u[2]) end
      if e.X and e.X.r then redis.call('HSET', B .. 'j:' .. e.X.i, 'm', e.m, 'l', e.l, 'x', e.x) end
      if ARGV[i + 1] == '0' then add(e) else delay(e, ARGV[i + 1]) end
    end
  end
end
redis.call('SET', heard, ARGV[2], 'PX', '${HEARD_MS}')
return others`;

/** KEYS hash; ARGV name, slot. Never goes back. */
export const CRON_DONE = `
local last = redis.call('HGET', KEYS[1], ARGV[1])
if not last or tonumber(last) < tonumber(ARGV[2]) then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end`;
