import { expect, test } from "bun:test";
import { Metrics } from "../shared/metrics.ts";
import { quantileMs, Traffic } from "./traffic.ts";

const BOUNDS = [0.01, 0.1];

function counters() {
  const metrics = new Metrics();
  const series = (status: string) => metrics.counter("trivet_proxy_requests_total", "Requests.", { status });
  const times = metrics.histogram("trivet_proxy_request_seconds", "Seconds.", {}, BOUNDS);
  const longest = metrics.peak("trivet_proxy_request_seconds_longest", "Seconds.");
  return {
    metrics,
    answer(status: string, seconds: number): void {
      series(status).value++;
      times.observe(seconds);
      longest.note(seconds);
    },
  };
}

test("rates and percentiles of what came since the oldest look within a minute", () => {
  const { metrics, answer } = counters();
  const traffic = new Traffic();
  for (let i = 0; i < 1000; i++) answer("2xx", 5);
  traffic.take(metrics.samples(), 0);
  for (let i = 0; i < 99; i++) answer("2xx", 0.005);
  answer("5xx", 0.05);
  const view = traffic.view(metrics.samples(), 10_000);
  expect(view).toMatchObject({ overS: 10, requestsPerS: 10, failuresPerS: 0.1 });
  expect(view.p50Ms).toBeLessThan(10);
  expect(view.p99Ms).toBeLessThanOrEqual(10);
});

test("older looks are forgotten", () => {
  const { metrics, answer } = counters();
  const traffic = new Traffic();
  for (let atMs = 0; atMs <= 200_000; atMs += 5000) traffic.take(metrics.samples(), atMs);
  answer("2xx", 0.001);
  expect(traffic.view(metrics.samples(), 200_000).overS).toBeLessThanOrEqual(75);
});

test("without requests there are no percentiles", () => {
  const { metrics } = counters();
  expect(new Traffic().view(metrics.samples(), 0)).toMatchObject({ requestsPerS: 0, p50Ms: undefined });
});

test("no percentile is above the longest request", () => {
  const { metrics, answer } = counters();
  const traffic = new Traffic();
  traffic.take(metrics.samples(), 0);
  for (let i = 0; i < 3; i++) answer("2xx", 0.012);
  const { p50Ms, p99Ms } = traffic.view(metrics.samples(), 1000);
  expect(p99Ms).toBeLessThanOrEqual(12);
  expect(p50Ms).toBeGreaterThan(10);
  answer("2xx", 0.3);
  expect(traffic.view(metrics.samples(), 1000).p99Ms).toBeGreaterThan(200);
});

test("each backend has percentiles of its own", () => {
  const metrics = new Metrics();
  const answer = (backend: string, seconds: number) => {
    metrics.counter("trivet_proxy_requests_total", "", { route: "/", backend, status: "2xx" }).value++;
    metrics.histogram("trivet_proxy_request_seconds", "", { backend }, BOUNDS).observe(seconds);
    metrics.peak("trivet_proxy_request_seconds_longest", "", { backend }).note(seconds);
  };
  const traffic = new Traffic();
  answer("fast", 9);
  traffic.take(metrics.samples(), 0);
  for (let i = 0; i < 10; i++) answer("fast", 0.005);
  for (let i = 0; i < 5; i++) answer("slow", 0.09);
  const { requestsPerS, backends } = traffic.view(metrics.samples(), 1000);
  expect(requestsPerS).toBe(15);
  expect([backends["fast"]?.requestsPerS, backends["slow"]?.requestsPerS]).toEqual([10, 5]);
  expect(backends["fast"]?.p99Ms).toBeLessThanOrEqual(10);
  expect(backends["slow"]?.p50Ms).toBeGreaterThan(10);
});

test("a quantile lies within its bucket; beyond the last bound, up to the longest", () => {
  expect(quantileMs([1, 1, 0], BOUNDS, 0.25, 1)).toBe(5);
  expect(quantileMs([0, 0, 7], BOUNDS, 0.5, 0.3)).toBeCloseTo(200);
  expect(quantileMs([0, 0, 7], BOUNDS, 1, 0.3)).toBeCloseTo(300);
});
