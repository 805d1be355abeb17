/** Scripts by which a worker gets jobs. */
import { RATE_SPANS } from "./rate_window.ts";
import { GROUP } from "./redis_keys.ts";
import { LUA, LUA_BASE } from "./redis_lua.ts";

/** How many jobs a limit that opens lets go at once; each that begins lets go more. */
const OPEN_MAX = 20;

/**
 * ARGV owner, how many at most, lanes in their order ("012", or "3"). Answers the rules of the queue, then the new entries
 * of each lane; only the rules when it is paused. Last, the lane that has all jobs there are, or ''.
 */
export const TAKE = `${LUA_BASE}
local rules = redis.call('GET', B .. 'cfg') or ''
local found, left = { rules, {}, {}, {}, {}, '' }, tonumber(ARGV[2])
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
if left == 0 and ARGV[3] ~= '3' then
  local filled = 0
  for l, stream in pairs(LANES) do
    if l ~= '3' and redis.call('XLEN', stream) > 0 then
      filled = filled + 1
      found[6] = l
    end
  end
  if filled > 1 then found[6] = '' end
end
return found`;

/**
 * ARGV owner, fences. Answers a digit each: 1 run it; 0 it is not to run now: cancelled, or held back by a limit, or
 * not ours. What waits for room stands aside until somebody leaves (leave) or the time comes (gates).
 */
export const ADMIT = `${LUA}
local owner, t, rules = ARGV[1], now(), object(redis.call('GET', B .. 'cfg') or '')
-- When jobs of a rate began: pairs of an end of a span of time and how many did in it, the oldest first.
local function begun(g, per)
  local span = math.max(1, math.floor(per / ${RATE_SPANS}))
  local list, total = {}, 0
  for _, pair in ipairs(object(redis.call('GET', B .. 'b:' .. g)) or {}) do
    -- One far ahead is from before the clock was set back.
    if pair[1] + per > t and pair[1] <= t + span then
      list[#list + 1] = pair
      total = total + pair[2]
    end
  end
  return list, total, span
end
local function room(gate)
  local g, c, n, per = unpack(gate)
  local free = ${OPEN_MAX}
  if c > 0 then
    free = c - redis.call('SCARD', B .. 'r:' .. g)
    if free <= 0 then return 0, -1 end
    free = 1
  end
  if n > 0 then
    local list, total = begun(g, per)
    if total >= n then return 0, list[1][1] + per - t end
    free = math.min(free, n - total)
  end
  return free, 0
end
local function enter(gate, held)
  local g, c, n, per = unpack(gate)
  if c > 0 then redis.call('SADD', B .. 'r:' .. g, held) end
  if n > 0 then
    local list, _, span = begun(g, per)
    local ends = (math.floor(t / span) + 1) * span
    local last = list[#list]
    if last and last[1] >= ends then last[2] = last[2] + 1 else list[#list + 1] = { ends, 1 } end
    redis.call('SET', B .. 'b:' .. g, cjson.encode(list), 'PX', per + span)
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
