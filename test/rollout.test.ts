import { test } from "bun:test";
import { runRollout } from "./harness/rollout.ts";

/** The short form; test/long runs the whole. */
test(
  "the playbooks install and upgrade real nodes under load, where this machine can run them",
  () => runRollout("--short"),
  900_000,
);
