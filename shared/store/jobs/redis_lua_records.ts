/** Scripts of jobs that can be looked up: how far they are, and their cancelling. */
import { STALLS_MAX } from "./job.ts";
import { LUA, LUA_BASE } from "./redis_lua.ts";

/** How long it is known of one that is cancelled and not found in its place: it is left out when its turn comes. */
const CANCELLED_KEPT_MS = 30 * 24 * 3_600_000;

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

/** ARGV id. It leaves its place (field f of its record) at once. Answers 1 when it is cancelled or told to stop, 0 when it has ended, -1 when there is no record. */
export const CANCEL = `${LUA}
local function is_before(text, other)
  for i = 1, #other do
    local x, y = string.byte(text, i) or -1, string.byte(other, i)
    if x ~= y then return x < y end
  end
  return false
end
-- Members of one score stand in the order of their bytes (redis.io/commands/zadd): there may be thousands of one moment.
local function member_with(place, at, head)
  local key = B .. place
  local low = redis.call('ZCOUNT', key, '-inf', '(' .. at)
  local high = low + redis.call('ZCOUNT', key, at, at)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if is_before(redis.call('ZRANGE', key, middle, middle)[1], head) then low = middle + 1 else high = middle end
  end
  local found = redis.call('ZRANGE', key, low, low)[1]
  return found and string.sub(found, 1, #head) == head and found
end
local function taken_out(X, place, at, l, a)
  local lane, id = string.match(place or '', '^([0-3])(%d+%-%d+)$')
  if lane then
    if not entry(lane, id) then return false end
    drop(lane, { id })
    -- It may have been the one that a limit had let go.
    look('', now())
    if X.k then look(X.k[1], now()) end
    return true
  end
  if not (place and at and l and a) then return false end
  for stalls = 0, ${STALLS_MAX - 1} do
    local member = member_with(place, at, l .. '\\n' .. a .. '\\n' .. stalls .. '\\n["' .. X.i .. '"')
    if member then
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
if not taken_out(X, unpack(redis.call('HMGET', j, 'f', 'd', 'l', 'a'))) then
  local left = state == 'delayed' and math.max(0, redis.call('HGET', j, 'd') - now()) or 0
  redis.call('PEXPIRE', j, math.max(X.r[1], ${CANCELLED_KEPT_MS}) + left)
end
return 1`;
