import { tracingChannel } from "node:diagnostics_channel";

/**
 * Node's tracing channels say whether anybody listens (nodejs.org/api/diagnostics_channel.html, hasSubscribers); those
 * of Bun 1.4.5 do not, and so ioredis describes each command to nobody, at a fifth of what the command costs.
 */
export function tellOfListeners(): void {
  const prototype: object = Object.getPrototypeOf(tracingChannel("trivet"));
  if ("hasSubscribers" in prototype) return;
  Object.defineProperty(prototype, "hasSubscribers", {
    configurable: true,
    get(this: Channels) {
      const { start, end, asyncStart, asyncEnd, error } = this;
      return [start, end, asyncStart, asyncEnd, error].some(({ hasSubscribers }) => hasSubscribers);
    },
  });
}

type Channels = Record<"start" | "end" | "asyncStart" | "asyncEnd" | "error", { hasSubscribers: boolean }>;
