/** The programs of both contenders: the same work, each with its own library. */
import { join } from "node:path";

const REDIS_CONNECTION = join(import.meta.dir, "..", "..", "shared", "store", "redis_connection.ts");
/** A little over 240 bytes of JSON. */
const PAYLOAD = `{ to: "somebody@example.com", text: "x".repeat(200) }`;
/** Wall clock to microseconds: the same in every process of a machine. */
const NOW = "performance.timeOrigin + performance.now()";

/** What a contender's library must give: add(payload), addMany(payloads), close(). */
const enqueuer = (library: string) => `
${library}
const [kind, count, server] = process.argv.slice(2);
const { readdirSync, readFileSync } = await import("node:fs");
const serverUs = () => {
  const tasks = readdirSync("/proc/" + server + "/task");
  const read = (task) => Number(readFileSync("/proc/" + server + "/task/" + task + "/schedstat", "utf8").split(" ")[0]);
  return tasks.reduce((sum, task) => sum + read(task) / 1000, 0);
};
const payload = ${PAYLOAD};
const many = (n) => Array.from({ length: n }, () => payload);
const times = Number(count);
// Until the machine code is there, both pay for making it.
for (let i = 0; i < 20; i++) await addMany(many(100));
for (let i = 0; i < 2000; i++) await add(payload);
const serverBefore = serverUs();
const startedMs = performance.now();
const before = process.cpuUsage();
if (kind === "bulk") for (let i = 0; i < times; i += 1000) await addMany(many(1000));
if (kind === "single") for (let i = 0; i < times; i++) await add(payload);
if (kind === "callers") {
  let left = times;
  await Promise.all(Array.from({ length: 50 }, async () => { while (left-- > 0) await add(payload); }));
}
if (kind === "latency") {
  for (let i = 0; i < times; i++) {
    await add({ at: ${NOW} });
    await Bun.sleep(4 + Math.random() * 8);
  }
}
const { user, system } = process.cpuUsage(before);
const ms = performance.now() - startedMs;
console.log(JSON.stringify({ us: user + system, ms, serverUs: serverUs() - serverBefore }));
await close();
`;

/** Notes how long each job of a latency run took to its handler; the file is there for whoever reads it last. */
const NOTE_LATENCY = `
import { writeFileSync } from "node:fs";
const latencies = [];
const begun = (payload) => {
  if (payload.at === undefined) return;
  latencies.push(${NOW} - payload.at);
  if (latencies.length % 100 === 0) writeFileSync("latencies.json", JSON.stringify(latencies));
};`;

export const trivetEnqueuer = enqueuer(`
import { jobs } from "trivet";
const add = (payload) => jobs.enqueue("noop", payload);
const addMany = (payloads) => jobs.enqueueMany(payloads.map((payload) => ({ type: "noop", payload })));
const close = async () => undefined;`);

export const trivetHandlers = `
import { defineJobs } from "trivet";
${NOTE_LATENCY}
export default defineJobs({ noop: { run: begun } });
`;

/** Jobs that are done go, as with Trivet; it keeps them by default. */
export const bullEnqueuer = (port: number) =>
  enqueuer(`
import { Queue } from "bullmq";
const defaultJobOptions = { removeOnComplete: true };
const queue = new Queue("default", { connection: { host: "127.0.0.1", port: ${port} }, defaultJobOptions });
const add = (payload) => queue.add("noop", payload);
const addMany = (payloads) => queue.addBulk(payloads.map((data) => ({ name: "noop", data })));
const close = () => queue.close();`);

/** The fields of a waiting job of Trivet, with a payload of the same size. */
const WORDS = (payload: string) =>
  `["XADD", "bare", "*", "a", "0", "s", "0", "m", JSON.stringify(["0".repeat(26), "noop", 2, Date.now(), null, null, 0, null, "", 0]), "p", JSON.stringify(${payload})]`;

/** One XADD a job by the client library that Trivet uses, nothing else: what the protocol costs a lone caller there. */
export const bareEnqueuer = (port: number) =>
  enqueuer(`
import { endConnection, lastingConnection } from "${REDIS_CONNECTION}";
const redis = lastingConnection("redis://127.0.0.1:${port}");
await redis.connect();
const add = (payload) => { const [name, ...rest] = ${WORDS("payload")}; return redis.call(name, rest); };
const addMany = (payloads) => Promise.all(payloads.map(add));
const close = async () => endConnection(redis);`);

/** The same bytes over a bare socket: what waking two processes costs. */
export const socketEnqueuer = (port: number) =>
  enqueuer(`
let answered;
const data = () => answered();
const socket = await Bun.connect({ hostname: "127.0.0.1", port: ${port}, socket: { data } });
const add = (payload) => {
  const words = ${WORDS("payload")};
  socket.write("*" + words.length + "\\r\\n" + words.map((word) => "$" + word.length + "\\r\\n" + word + "\\r\\n").join(""));
  return new Promise((resolve) => { answered = resolve; });
};
const addMany = async (payloads) => { for (const payload of payloads) await add(payload); };
const close = async () => socket.end();`);

export const bullWorker = (port: number, concurrency: number) => `
import { Worker } from "bullmq";
${NOTE_LATENCY}
const connection = { host: "127.0.0.1", port: ${port}, maxRetriesPerRequest: null };
const worker = new Worker("default", async ({ data }) => begun(data), { connection, concurrency: ${concurrency} });
await worker.waitUntilReady();
(await import("node:fs")).writeFileSync("ready", "");
`;

export const bullPause = (port: number) => `
import { Queue } from "bullmq";
const queue = new Queue("default", { connection: { host: "127.0.0.1", port: ${port} } });
if (process.argv[2] === "pause") await queue.pause();
else await queue.resume();
await queue.close();
`;

/** Both enqueue by themselves as soon as there is a file "go", and tell their longest stall. */
const STALLS = `
import { existsSync, writeFileSync } from "node:fs";
let [last, worstMs] = [performance.now(), 0];
const watch = () => {
  setInterval(() => {
    const now = performance.now();
    worstMs = Math.max(worstMs, now - last);
    last = now;
  }, 1);
};`;

export const stallingApp = (jobs: number) => `
import { jobs } from "trivet";
${STALLS}
const payload = ${PAYLOAD};
const wait = setInterval(async () => {
  if (!existsSync("go")) return;
  clearInterval(wait);
  last = performance.now();
  watch();
  let left = ${jobs};
  await Promise.all(Array.from({ length: 50 }, async () => { while (left-- > 0) await jobs.enqueue("noop", payload); }));
  writeFileSync("stall-app-" + process.pid, String(worstMs));
}, 5);
export default { fetch: () => new Response("ok") };
`;

export const stallingHandlers = `
import { defineJobs } from "trivet";
${STALLS}
let [begun, ended] = [false, 0];
export default defineJobs({
  noop: {
    run() {
      if (!begun) {
        begun = true;
        last = performance.now();
        watch();
        setInterval(() => writeFileSync("stall-worker-" + process.pid, String(worstMs)), 250);
      }
    },
  },
});
`;

export const latencyApp = (jobs: number) => `
import { existsSync } from "node:fs";
import { jobs } from "trivet";
const wait = setInterval(async () => {
  if (!existsSync("go")) return;
  clearInterval(wait);
  for (let i = 0; i < ${jobs}; i++) {
    await jobs.enqueue("noop", { at: ${NOW} });
    await Bun.sleep(4 + Math.random() * 8);
  }
}, 5);
export default { fetch: () => new Response("ok") };
`;
