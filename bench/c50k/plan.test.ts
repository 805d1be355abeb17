import { expect, test } from "bun:test";
import type { KernelLimits } from "../../shared/doctor/kernel_limits.ts";
import { planCrowd } from "./plan.ts";

const ROOMY: KernelLimits = {
  descriptorsMax: 1_048_576,
  descriptorsCeiling: 1_048_576,
  filesMax: 10_000_000,
  filesOpen: 1000,
  portFirst: 32_768,
  portLast: 60_999,
  acceptQueueMax: 4096,
  followed: undefined,
  memoryAvailableBytes: 64 * 1024 ** 3,
};

test("a roomy machine takes all, with a worker a core", () => {
  const check = planCrowd(ROOMY, 50_000, 8);
  expect(check?.plan).toEqual({ requests: 50_000, workers: 8, loads: 4, origins: 4, sources: 18 });
  expect(check?.findings.every(({ ok }) => ok)).toBe(true);
});

test("few descriptors a process take more workers", () => {
  expect(planCrowd({ ...ROOMY, descriptorsMax: 20_000 }, 50_000, 2)?.plan).toMatchObject({
    requests: 50_000,
    workers: 6,
  });
});

test("too few descriptors scale it down, and the finding says for how many", () => {
  const check = planCrowd({ ...ROOMY, descriptorsMax: 1024 }, 50_000, 2);
  expect(check?.plan.requests).toBeGreaterThan(4000);
  expect(check?.plan.requests).toBeLessThan(6000);
  expect(check?.plan.workers).toBe(16);
  expect(check?.findings.find(({ name }) => name === "descriptors")).toMatchObject({ ok: false });
});

test("memory scales it down", () => {
  const check = planCrowd({ ...ROOMY, memoryAvailableBytes: 1024 ** 3 }, 50_000, 2);
  expect(check?.plan.requests).toBeLessThan(35_000);
  expect(check?.findings.find(({ name }) => name === "memory")).toMatchObject({ ok: false });
});

test("few ports take more origins and addresses", () => {
  const check = planCrowd({ ...ROOMY, portFirst: 50_000 }, 50_000, 2);
  expect(check?.plan).toMatchObject({ requests: 50_000, origins: 8, sources: 46 });
});

test("a short accept queue is told, and does not scale it down", () => {
  const check = planCrowd({ ...ROOMY, acceptQueueMax: 128 }, 50_000, 2);
  expect(check?.plan.requests).toBe(50_000);
  expect(check?.findings.filter(({ ok }) => !ok)).toMatchObject([{ name: "accept queue" }]);
});

test("no room at all", () => {
  expect(planCrowd({ ...ROOMY, memoryAvailableBytes: 0 }, 50_000, 2)).toBeUndefined();
});
