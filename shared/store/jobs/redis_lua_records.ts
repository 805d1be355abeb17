/** Scripts of jobs that can be looked up: how far they are, and their cancelling. */
import { LUA, LUA_BASE } from "./redis_lua.ts";

/** A cancelled job that is not among so many of its moment is left out when its turn comes. */
const SAME_MOMENT_MAX = 200;

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
