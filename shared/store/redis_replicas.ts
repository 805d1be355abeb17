/** A primary that has just started is not asked yet: its replicas may be on their way back. */
const SETTLED_S = 15;

/**
 * Whether it is sure that no replica will confirm a write, by what INFO says: none is connected, and none was in the last
 * hour or more, because the backlog that is kept for its return is gone (redis.conf, repl-backlog-ttl).
 */
export function lacksReplicas(info: string): boolean {
  const number = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? Number.NaN);
  return (
    number("connected_slaves") === 0 &&
    number("repl_backlog_active") === 0 &&
    number("uptime_in_seconds") >= SETTLED_S
  );
}
