/** Scripts of the duties: leases of the living and the dead, and what has come to its moment. */
import { DEAD_AGE_MAX_MS } from "./job.ts";
import { GROUP } from "./redis_keys.ts";
import { LUA, LUA_BASE } from "./redis_lua.ts";

/** ARGV owners. JUSTID: no delivery is counted (redis.io/commands/xclaim). */
export const RENEW = `${LUA_BASE}
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

/** How many the owner of ARGV[1] holds. */
const HELD_BY_OWNER = `
local function held()
  local count = 0
  for _, stream in pairs(LANES) do
    local summary = redis.pcall('XPENDING', stream, '${GROUP}')
    for _, c in ipairs(not summary.err and summary[4] or {}) do
      if c[1] == ARGV[1] then count = count + c[2] end
    end
  end
  return count
end`;

/** ARGV owner. Answers how many it holds. */
export const HELD = `${LUA_BASE}${HELD_BY_OWNER}
return held()`;

/** ARGV owner, fences. Answers a digit each: 1 it holds it. */
export const HOLDS = `${LUA_BASE}
local answers = {}
for k = 2, #ARGV do
  local l, id = lease(ARGV[k])
  local list = l and redis.pcall('XPENDING', LANES[l], '${GROUP}', id, id, 1, ARGV[1])
  answers[k - 1] = list and not list.err and #list == 1 and '1' or '0'
end
return table.concat(answers)`;

/** ARGV owner, how it ended: kind, 1 when it died with one job, sentence. Its consumers go too, once nothing is pending for them. */
export const RELEASE = `${LUA}${HELD_BY_OWNER}
local freed, alone = 0, ARGV[3] == '1' and held() == 1
for l, stream in pairs(LANES) do
  repeat
    local list = redis.pcall('XPENDING', stream, '${GROUP}', '-', '+', 500, ARGV[1])
    if list.err then break end
    local ids = {}
    for i, e in ipairs(list) do ids[i] = e[1] end
    gone(l, ids, ARGV[2], alone, ARGV[4])
    freed = freed + #ids
    if #list < 500 then redis.call('XGROUP', 'DELCONSUMER', stream, '${GROUP}', ARGV[1]) end
  until #list < 500
end
return freed`;

/** ARGV lease in ms, age in ms at which a consumer that holds nothing is forgotten. */
export const RECLAIM = `${LUA}
local freed = 0
for l, stream in pairs(LANES) do
  local list = redis.pcall('XPENDING', stream, '${GROUP}', 'IDLE', ARGV[1], '-', '+', 500)
  if not list.err then
    local ids = {}
    for i, e in ipairs(list) do ids[i] = e[1] end
    gone(l, ids, 'lost')
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
export const PROMOTE = `${LUA}
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
