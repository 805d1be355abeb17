import { test } from "bun:test";
import { fuzzEdge } from "./fuzz.ts";

test("mutated requests reach the server only as a strict reader takes them, and get one answer each", async () => {
  await fuzzEdge(1000);
}, 300_000);
