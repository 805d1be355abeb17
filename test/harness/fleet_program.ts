/**
 * A supervisor and its children in one small program: `bun fleet_program.ts [REASON]`. The parent takes a word a line
 * on stdin and answers with a JSON line; with REASON its children can't boot.
 */
import { createInterface } from "node:readline";
import { Metrics } from "../../shared/metrics.ts";
import { childStart } from "../../shared/process/child_start.ts";
import { Fleet } from "../../shared/process/fleet.ts";
import { ParentLink } from "../../shared/process/parent_link.ts";
import { sentenceOf, UserError } from "../../shared/user_error.ts";

interface Boot {
  reason: string;
}

const metrics = new Metrics();

function runChild(): void {
  const link = new ParentLink<Boot, string, string>("proxy", metrics);
  link.run({
    boot({ reason }, slot) {
      if (reason) throw new UserError(`${reason} in slot ${slot}`);
      metrics.counter("boots_total", "Boots.").value++;
      metrics.gauge("running", "Children.").value++;
      return Promise.resolve();
    },
    receive(word) {
      if (word === "block") for (;;) metrics.gauge("spins", "Spins.").value++;
      link.tell(`heard ${word}`);
    },
    drain: () => Promise.resolve(),
    detail: () => ({ detail: true }),
  });
}

async function runParent(reason: string): Promise<void> {
  let fault = reason;
  const fleet: Fleet<Boot, string, string> = new Fleet({
    kind: "proxy",
    slots: 2,
    deadlines: () => ({ bootMs: 10_000, drainMs: 2_000 }),
    boot: () => ({ reason: fault }),
    onReady: ({ slot, pid }) => say({ event: "ready", slot, pid }),
    onGone: ({ slot, pid }) => say({ event: "gone", slot, pid }),
    read: (body) => (typeof body === "string" ? body : undefined),
    onMessage: ({ slot }, text) => say({ event: "message", slot, text }),
  });
  try {
    await fleet.start();
    say({ event: "started" });
  } catch (error) {
    say({ event: "failed", sentence: sentenceOf(error) });
    process.exit(1);
  }
  for await (const word of createInterface({ input: process.stdin })) {
    if (word === "status")
      say({ event: "status", children: await fleet.status(), complaint: fleet.complaint() ?? "" });
    else if (word === "samples") say({ event: "samples", samples: await fleet.samples() });
    else if (word === "roll" || word === "roll badly") {
      fault = word === "roll" ? reason : "no luck";
      const sentence = await fleet.roll().then(() => "", sentenceOf);
      say({ event: "roll", sentence });
    } else if (word === "drain") {
      await fleet.drain(2_000);
      say({ event: "drained" });
      process.exit(0);
    } else fleet.broadcast(word);
  }
}

function say(event: Record<string, unknown>): void {
  console.log(JSON.stringify(event));
}

const [word = ""] = process.argv.slice(2);
if (childStart()) runChild();
else await runParent(word);
