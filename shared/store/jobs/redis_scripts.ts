/**
 * Every change of state is one script, so that it applies once and whole. A job is written to its new place before
 * it leaves the old one: when Redis refuses the write (maxmemory), nothing is lost.
 */
import type { Redis } from "ioredis";
import { DEAD_JOBS_MAX, STALLS_MAX } from "./job.ts";
import { GROUP } from "./redis_keys.ts";

/** Functions the scripts share. An entry with foreign fields keeps them as text, and stays unreadable as a job. */
const COMMON = `
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function add(stream, a, s, m, p)
  redis.call('XADD', stream, '*', 'a', a, 's', s, 'm', m, 'p', p)
end
local function delay(zset, ms, a, s, m, p)
  redis.call('ZADD', zset, now() + ms, a .. '\\n' .. s .. '\\n' .. m .. '\\n' .. p)
end
local function read(f)
  if f[1] == 'a' and f[3] == 's' and f[5] == 'm' and f[7] == 'p' then return f[2], f[4], f[6], f[8] end
  return '0', '0', '', cjson.encode(f)
end
local function bury(dlq, a, m, p, reason, err)
  redis.call('XADD', dlq, 'MAXLEN', '~', ${DEAD_JOBS_MAX}, '*', 'a', a, 'm', m, 'p', p, 'r', reason, 'e', err)
end
local function drop(stream, ids)
  for i = 1, #ids, 1000 do
    local last = math.min(i + 999, #ids)
    redis.call('XACK', stream, '${GROUP}', unpack(ids, i, last))
    redis.call('XDEL', stream, unpack(ids, i, last))
  end
end
local function stalled(stream, dlq, ids)
  for _, id in ipairs(ids) do
    local e = redis.call('XRANGE', stream, id, id)[1]
    if e then
      local a, s, m, p = read(e[2])
      s = s + 1
      if s >= ${STALLS_MAX} then bury(dlq, a, m, p, 'stalled', 'its worker died ${STALLS_MAX} times')
      else add(stream, a, s, m, p) end
    end
  end
  drop(stream, ids)
end
`;

/** KEYS stream and delayed of each queue; ARGV a job: number of the queue, delay in ms, m, p. */
const ENQUEUE = `${COMMON}
for i = 1, #ARGV, 4 do
  local q = ARGV[i] * 2
  if ARGV[i + 1] == '0' then add(KEYS[q + 1], '0', '0', ARGV[i + 2], ARGV[i + 3])
  else delay(KEYS[q + 2], ARGV[i + 1], '0', '0', ARGV[i + 2], ARGV[i + 3]) end
end`;

/**
 * KEYS stream, delayed, dead; ARGV owner, then a settlement: id, kind, and for a retry the delay, for a dead job
 * reason and error. Answers one digit each: 1 applied, 0 the owner does not hold it. Only entries pending for this
 * very owner are touched: XACK and XDEL alone would let a stale worker end a job that another one has.
 */
const SETTLE = `${COMMON}
local stream, owner = KEYS[1], ARGV[1]
local n = (#ARGV - 1) / 4
local held, whole = {}, false
if n > 4 then
  local list = redis.pcall('XPENDING', stream, '${GROUP}', '-', '+', 1000, owner)
  if list.err then return string.rep('0', n) end
  for _, e in ipairs(list) do held[e[1]] = true end
  whole = #list < 1000
end
local function holds(id)
  if held[id] or whole then return held[id] end
  local list = redis.pcall('XPENDING', stream, '${GROUP}', id, id, 1, owner)
  return not list.err and #list == 1
end
local ids, seen, applied = {}, {}, {}
for k = 1, n do
  local at = 4 * k - 2
  local id, kind, x, y = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  if seen[id] or not holds(id) then applied[k] = '0'
  else
    seen[id] = true
    ids[#ids + 1] = id
    applied[k] = '1'
    local e = kind ~= 'ack' and redis.call('XRANGE', stream, id, id)[1]
    if e then
      local a, s, m, p = read(e[2])
      if kind == 'release' then add(stream, a, s, m, p)
      elseif kind == 'dead' then bury(KEYS[3], a + 1, m, p, x, y)
      elseif x == '0' then add(stream, a + 1, s, m, p)
      else delay(KEYS[2], x, a + 1, s, m, p) end
    end
  end
end
drop(stream, ids)
return table.concat(applied)`;

/** KEYS stream; ARGV owners. JUSTID: no delivery is counted (redis.io/commands/xclaim). */
const RENEW = `
for _, owner in ipairs(ARGV) do
  local from = '-'
  repeat
    local list = redis.pcall('XPENDING', KEYS[1], '${GROUP}', from, '+', 1000, owner)
    if list.err then return end
    local ids = {}
    for i, e in ipairs(list) do ids[i] = e[1] end
    if #ids > 0 then
      redis.call('XCLAIM', KEYS[1], '${GROUP}', owner, 0, unpack(ids), 'JUSTID')
      from = '(' .. ids[#ids]
    end
  until #list < 1000
end`;

/** KEYS stream, dead; ARGV owner. Its consumer goes too, once nothing is pending for it. */
const RELEASE = `${COMMON}
local freed = 0
repeat
  local list = redis.pcall('XPENDING', KEYS[1], '${GROUP}', '-', '+', 500, ARGV[1])
  if list.err then return freed end
  local ids = {}
  for i, e in ipairs(list) do ids[i] = e[1] end
  stalled(KEYS[1], KEYS[2], ids)
  freed = freed + #ids
until #list < 500
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], '${GROUP}', ARGV[1])
return freed`;

/** KEYS stream, dead; ARGV lease in ms, age in ms at which a consumer that holds nothing is forgotten. */
const RECLAIM = `${COMMON}
local list = redis.pcall('XPENDING', KEYS[1], '${GROUP}', 'IDLE', ARGV[1], '-', '+', 500)
if list.err then return 0 end
local ids = {}
for i, e in ipairs(list) do ids[i] = e[1] end
stalled(KEYS[1], KEYS[2], ids)
for _, c in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], '${GROUP}')) do
  local info = {}
  for i = 1, #c, 2 do info[c[i]] = c[i + 1] end
  if info.pending == 0 and info.idle > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], '${GROUP}', info.name)
  end
end
return #ids`;

/** KEYS stream, delayed. Answers ms until the next is due, -1 when there is none. */
const PROMOTE = `${COMMON}
local time = now()
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', time, 'LIMIT', 0, 500)
for _, member in ipairs(due) do
  local a, s, m, p = string.match(member, '^(%d+)\\n(%d+)\\n([^\\n]*)\\n(.*)$')
  if a then add(KEYS[1], a, s, m, p) else add(KEYS[1], '0', '0', '', member) end
  redis.call('ZREM', KEYS[2], member)
end
if #due == 500 then return 0 end
local next = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if not next[2] then return -1 end
return math.max(0, math.ceil(next[2] - time))`;

/** KEYS stream, delayed, dead. Answers waiting, delayed, running, dead, age of the oldest waiting in ms. */
const COUNTS = `${COMMON}
local length = redis.call('XLEN', KEYS[1])
local pending, delivered = 0, false
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
if not groups.err then
  for _, g in ipairs(groups) do
    local info = {}
    for i = 1, #g, 2 do info[g[i]] = g[i + 1] end
    if info.name == '${GROUP}' then pending, delivered = info.pending, info['last-delivered-id'] end
  end
end
local waiting, oldest = math.max(0, length - pending), 0
if waiting > 0 then
  local first = redis.call('XRANGE', KEYS[1], delivered and '(' .. delivered or '-', '+', 'COUNT', 1)[1]
  if first then oldest = math.max(0, now() - string.match(first[1], '^%d+')) end
end
return { waiting, redis.call('ZCARD', KEYS[2]), pending, redis.call('XLEN', KEYS[3]), oldest }`;

/**
 * KEYS stream, dead; ARGV where to go on, where to end ('+': at the newest of now), then ids or nothing for all.
 * Answers how many were put back, where to go on ('' at the end), where to end.
 */
const REPLAY = `${COMMON}
local last = ARGV[2]
if last == '+' then
  local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
  if not newest then return { 0, '', last } end
  last = newest[1]
end
local wanted
if #ARGV > 2 then
  wanted = {}
  for i = 3, #ARGV do wanted[ARGV[i]] = true end
end
local moved = 0
local list = redis.call('XRANGE', KEYS[2], ARGV[1], last, 'COUNT', 200)
for _, e in ipairs(list) do
  local info = {}
  for i = 1, #e[2], 2 do info[e[2][i]] = e[2][i + 1] end
  if not wanted or wanted[string.match(info.m, '^%["([^"]*)"')] then
    add(KEYS[1], '0', '0', info.m, info.p)
    redis.call('XDEL', KEYS[2], e[1])
    moved = moved + 1
  end
end
return { moved, #list == 200 and '(' .. list[#list][1] or '', last }`;

const SCRIPTS = {
  enqueue: ENQUEUE,
  settle: SETTLE,
  renew: RENEW,
  release: RELEASE,
  reclaim: RECLAIM,
  promote: PROMOTE,
  counts: COUNTS,
  replay: REPLAY,
};

export type ScriptName = keyof typeof SCRIPTS;

const digests = new Map<ScriptName, string>();

/** Runs a script by its digest; sends its text when this Redis has not seen it. */
export async function runScript(
  redis: Redis,
  name: ScriptName,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  try {
    return await redis.call("EVALSHA", [digestOf(name), keys.length, ...keys, ...args]);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
    return redis.call("EVAL", [SCRIPTS[name], keys.length, ...keys, ...args]);
  }
}

function digestOf(name: ScriptName): string {
  const known = digests.get(name);
  if (known) return known;
  const digest = new Bun.CryptoHasher("sha1").update(SCRIPTS[name]).digest("hex");
  digests.set(name, digest);
  return digest;
}
