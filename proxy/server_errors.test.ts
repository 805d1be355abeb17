import { expect, test } from "bun:test";
import { Metrics, sumSamples } from "../shared/metrics.ts";
import { ServerErrors, serverErrorsView } from "./server_errors.ts";

const LABELS = { backend: "app", server: "a:1" };

test("errors are told apart and summed over processes; the latest of all is the last", () => {
  const processes = [new Metrics(), new Metrics()];
  const [one, two] = processes.map((metrics) => new ServerErrors(metrics, LABELS));
  for (const status of [200, 404, 500, 503]) one?.answered(status);
  two?.answered(502);
  two?.note("connect_timeout");
  one?.note("server_timeout");
  one?.note("truncated");
  two?.note("connect_failed");
  one?.note("bad_response: head over 64 KiB");
  const samples = sumSamples(processes.flatMap((metrics) => metrics.samples()));
  const view = serverErrorsView(samples, "app", "a:1");
  expect(view).toMatchObject({ "5xx": 3, refused: 1, timeouts: 2, broken: 2 });
  expect(view.last?.atMs).toBeGreaterThan(Date.now() - 60_000);
  expect(serverErrorsView(samples, "app", "b:1")).toEqual({ "5xx": 0, refused: 0, timeouts: 0, broken: 0 });
});

test("when it was so last is the latest of several processes, not their sum", () => {
  const series = (value: number) => {
    const metrics = new Metrics();
    metrics.latest("trivet_proxy_server_last_error_seconds", "", { ...LABELS, reason: "503" }).value = value;
    return metrics.samples();
  };
  const samples = sumSamples([...series(7), ...series(9), ...series(8)]);
  expect(serverErrorsView(samples, "app", "a:1").last).toEqual({ reason: "503", atMs: 9000 });
});
