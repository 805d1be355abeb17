import { expect, test } from "bun:test";
import { cpuUsOf, memoryOf, treeOf } from "./process_tree.ts";

test("the time and memory of a process and of what it has started", () => {
  const child = Bun.spawn(["sleep", "60"]);
  try {
    expect(treeOf(process.pid)).toEqual([process.pid, child.pid]);
    const beforeUs = cpuUsOf(process.pid);
    const own = process.cpuUsage();
    let sum = 0;
    while (process.cpuUsage(own).user + process.cpuUsage(own).system < 50_000) sum += Math.sqrt(sum);
    expect(cpuUsOf(process.pid) - beforeUs).toBeGreaterThanOrEqual(50_000);
    expect(memoryOf(process.pid)).toBeGreaterThan(memoryOf(child.pid));
    expect(memoryOf(child.pid)).toBeGreaterThan(0);
  } finally {
    child.kill();
  }
});

test("of a process that is gone there is nothing", async () => {
  const child = Bun.spawn(["true"]);
  await child.exited;
  expect([treeOf(child.pid), cpuUsOf(child.pid), memoryOf(child.pid)]).toEqual([[], 0, 0]);
});
