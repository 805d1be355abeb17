/** Scripts by which jobs and crons come into Redis. */
import { LUA_ENTRY } from "./redis_lua.ts";

/** An enqueue is repeated within seconds or never. */
const HEARD_MS = 120_000;

/**
 * ARGV client, its slot, its number ("" each: not to be repeated), then a job: lane, delay in ms, m, p, x. Answers
 * place and id of each that is not stored because another one is there.
 */
export const ENQUEUE = `${LUA_ENTRY}
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

/** KEYS hash; ARGV name, slot. Never goes back. */
export const CRON_DONE = `
local last = redis.call('HGET', KEYS[1], ARGV[1])
if not last or tonumber(last) < tonumber(ARGV[2]) then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end`;
