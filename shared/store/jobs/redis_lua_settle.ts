/** Scripts by which a worker says what became of its jobs. */
import { GROUP } from "./redis_keys.ts";
import { LUA } from "./redis_lua.ts";

/**
 * Needs n, how many are asked for. Whether the owner of ARGV[1] holds an entry: XACK and XDEL alone would let a stale
 * worker end a job that another one has.
 */
const HOLDS = `
local owner, held, whole, ids = ARGV[1], {}, {}, { ['0'] = {}, ['1'] = {}, ['2'] = {}, ['3'] = {} }
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
export const ACK = `
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
 * ARGV owner, then a settlement: fence, kind, and for an ack the result; for a retry, "defer" and "unbegin" delay, error,
 * history; for a dead job reason, error, history. Answers one digit each: 1 applied, 0 the owner does not hold it.
 */
export const SETTLE = `${LUA}
local function unspend(g, n)
  if n == 0 then return end
  local list = object(redis.call('GET', B .. 'b:' .. g))
  if not list then return end
  list[#list][2] = math.max(0, list[#list][2] - 1)
  redis.call('SET', B .. 'b:' .. g, cjson.encode(list), 'KEEPTTL')
end
-- As if it had never been claimed: no rate has counted it, and a lock that ends with its begin is its own again.
local function unbegin(e)
  local rules = object(redis.call('GET', B .. 'cfg'))
  if rules then unspend('', rules.n) end
  if e.X and e.X.k then unspend(e.X.k[1], e.X.k[3]) end
  if e.X and e.X.u and e.X.u[3] == 1 then redis.call('SET', B .. 'u:' .. e.X.u[1], e.X.i, 'PX', e.X.u[2], 'NX') end
end
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
      elseif kind == 'defer' or kind == 'unbegin' then
        e.h = z
        note(e.X, 'e', y)
        if kind == 'unbegin' then unbegin(e) else suspect(e, 0) end
        if x == '0' then add(e) else delay(e, x) end
      elseif kind == 'ack' then
        if x ~= '' then ended(e.X, 's', 'done', 'v', x) else ended(e.X, 's', 'done') end
      else
        e.a = e.a + 1
        if z ~= '' then e.h = z end
        if kind == 'dead' then bury(e, x, y)
        else
          suspect(e, 0)
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
