import { expect, test } from "bun:test";
import { checkConfig } from "../config/load.ts";
import { demandOf, loadOf } from "./demand.ts";

const config = (text: string) => checkConfig(text, "trivet.toml", "/site", {});

test("the load is a process's limit times the processes, or what is asked for", () => {
  const limited = config("[proxy]\nmax_connections = 1000\nworkers = 4\n");
  expect(loadOf(limited, 2)).toEqual({ connections: 4000, processes: 4 });
  expect(loadOf(limited, 2, 50_000)).toEqual({ connections: 50_000, processes: 4 });
  expect(loadOf(config(""), 8)).toEqual({ connections: 0, processes: 8 });
});

test("without a number only what every process needs is asked for", () => {
  expect(demandOf(config(""), { connections: 0, processes: 2 })).toEqual({
    acceptQueue: 4096,
    descriptors: 1024,
  });
});

test("a request takes two descriptors, and a port of the server it goes to", () => {
  const two = config('[backend.app]\nservers = ["10.0.0.1:80", "10.0.0.2:80"]\n');
  expect(demandOf(two, { connections: 50_000, processes: 1 })).toMatchObject({
    descriptors: 100_128,
    files: 100_128,
    portsOfAddress: 25_000,
    followed: 100_000,
  });
});

test.each([
  ['["10.0.0.1:80", "10.0.0.2:80"]', 5000],
  ['["10.0.0.1:80", "unix:/run/app.sock"]', 5000],
  ['["unix:/run/app.sock"]', 0],
  ['[{ address = "10.0.0.1:80", max_connections = 200 }]', 200],
  ['[{ address = "10.0.0.1:80", max_connections = 20000 }]', 10_000],
])("servers %s take %i ports at most", (servers, ports) => {
  const of = config(`[backend.app]\nservers = ${servers}\n`);
  expect(demandOf(of, { connections: 10_000, processes: 2 }).portsOfAddress).toBe(ports);
});
