/** The table of commands. What one does is loaded when it is named: `trivet version` needs neither edge nor store. */
import type { Command } from "./command.ts";
import { JOBS_FLAGS } from "./jobs_words.ts";

const ADMIN_HTTP = {
  "--admin-http": {
    value: "HOST:PORT",
    meaning: 'where metrics, status and health are answered, instead of admin.http; "" is nowhere',
  },
};
const WATCH = {
  "--watch": { meaning: "for development: saved files are brought in at once, and faults shown" },
};
const ONE_MODE = () => "name one mode, or none for all that run here";

export const COMMANDS: readonly Command[] = [
  {
    name: "up",
    usage: "trivet up [--watch]",
    summary: "run the edge, the app and the workers of trivet.toml under one supervisor",
    flags: { ...ADMIN_HTTP, ...WATCH },
    load: async () => (await import("./up.ts")).up,
  },
  {
    name: "proxy",
    usage: "trivet proxy",
    summary: "run the edge: listeners, routes, backends",
    flags: ADMIN_HTTP,
    load: async () => (await import("./proxy.ts")).proxy,
  },
  {
    name: "serve",
    usage: "trivet serve [app.ts] [--watch]",
    summary: "run the app in several processes on one port",
    flags: { ...ADMIN_HTTP, ...WATCH },
    operandsMax: 1,
    load: async () => (await import("./serve.ts")).serve,
  },
  {
    name: "worker",
    usage: "trivet worker [jobs.ts]",
    summary: "run background jobs",
    flags: ADMIN_HTTP,
    operandsMax: 1,
    load: async () => (await import("./worker.ts")).worker,
  },
  {
    name: "check",
    usage: "trivet check [--schema]",
    summary: "validate trivet.toml, every fault at once, and start nothing; --schema prints its JSON Schema",
    flags: { "--schema": { meaning: "print the JSON Schema of trivet.toml, for editors" } },
    load: async () => (await import("./check.ts")).check,
  },
  {
    name: "status",
    usage: "trivet status [--watch]",
    summary: "what runs here: children, traffic, listeners, backends and servers, queues",
    flags: { "--watch": { meaning: "show it anew every two seconds, until Ctrl-C" } },
    load: async () => (await import("./status.ts")).status,
  },
  {
    name: "backend",
    usage: "trivet backend ls | drain NAME SERVER [--wait] | ready … | maint … | weight NAME SERVER N",
    summary: "look at the servers of the edge, take one out of use or back, change its weight",
    flags: { "--wait": { meaning: "drain, maint: end when the server has nothing in hand any more" } },
    operandsMax: Number.POSITIVE_INFINITY,
    load: async () => (await import("./backend.ts")).backend,
  },
  {
    name: "reload",
    usage: "trivet reload [MODE]",
    summary: "bring a changed trivet.toml to what runs here, without dropping a request",
    operandsMax: 1,
    instead: ONE_MODE,
    load: async () => (await import("./reload.ts")).reload,
  },
  {
    name: "upgrade",
    usage: "trivet upgrade [MODE]",
    summary:
      "have the binary that now stands at its path take over what runs here, without dropping a request",
    operandsMax: 1,
    instead: ONE_MODE,
    load: async () => (await import("./upgrade.ts")).upgrade,
  },
  {
    name: "doctor",
    usage: "trivet doctor [--node] [--connections N]",
    summary:
      "what of this machine and of Redis would bite in production: what it saw, why it matters, what to type",
    flags: {
      "--node": { meaning: "look at what runs here too: its versions, its health, its own limits" },
      "--connections": { value: "N", meaning: "how many client connections the machine must carry" },
    },
    load: async () => (await import("./doctor.ts")).doctor,
  },
  {
    name: "inventory",
    usage: "trivet inventory --list | --host NAME",
    summary:
      "the Linode instances with the tag trivet as an Ansible inventory, in groups by their other tags",
    flags: {
      "--list": { meaning: "all of them, as Ansible asks" },
      "--host": { value: "NAME", meaning: "nothing that --list has not said already, as Ansible asks" },
      "--tag": { value: "TAG", meaning: "of the instances with this tag, instead of trivet" },
    },
    load: async () => (await import("./inventory.ts")).inventory,
  },
  {
    name: "jobs",
    usage:
      "trivet jobs ls [--state S] | show ID | enqueue TYPE JSON | retry ID… | kill ID… | pause QUEUE | resume QUEUE | dead [--replay] | quiet",
    summary:
      "look at queues and jobs, enqueue one, retry or kill some, pause a queue, see the dead or put them back",
    flags: JOBS_FLAGS,
    operandsMax: Number.POSITIVE_INFINITY,
    load: async () => (await import("./jobs.ts")).jobs,
  },
  {
    name: "run",
    usage: "trivet run FILE [arguments]",
    summary: 'run a script with "trivet" and "elysia" there as in app.ts',
    passThrough: true,
    load: async () => (await import("./run.ts")).run,
  },
  {
    name: "test",
    usage: "trivet test [FILES] [flags of bun test]",
    summary: 'run bun:test files with "trivet" there as in app.ts, on a store that is thrown away',
    passThrough: true,
    load: async () => (await import("./test.ts")).test,
  },
  {
    name: "init",
    usage: "trivet init [--types]",
    summary:
      "write a commented trivet.toml, app.ts, jobs.ts and editor types (alone: --types) into this folder",
    flags: { "--types": { meaning: "write the editor types alone, over those of an older Trivet" } },
    instead: (folder) =>
      `it writes into the folder it is started in: mkdir ${folder} && cd ${folder} && trivet init`,
    load: async () => (await import("./init.ts")).init,
  },
  {
    name: "version",
    usage: "trivet version",
    summary: "print the version",
    load: async () => (await import("./version.ts")).version,
  },
];

/** How a supervisor starts its children; not for people, so `trivet help` leaves it out. */
export const CHILD: Command = {
  name: "child",
  usage: "trivet child KIND",
  summary: "what a supervisor starts",
  operandsMax: Number.POSITIVE_INFINITY,
  load: async () => (await import("./child.ts")).child,
};
