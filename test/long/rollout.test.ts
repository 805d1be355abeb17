import { test } from "bun:test";
import { runRollout } from "../harness/rollout.ts";

test(
  "the playbooks install, upgrade and roll back real nodes, and nodes are lost, where this machine can run them",
  () => runRollout(),
  1_800_000,
);
