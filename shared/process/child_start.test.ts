import { expect, test } from "bun:test";
import { openSync } from "node:fs";
import { childVariables, takeChildStart } from "./child_start.ts";
import { openBytePair } from "./fd_channel.ts";
import { closeSockets } from "./listen_socket.ts";

test("what a child is started as is said once, and not to what it starts", () => {
  const { ours, theirs } = openBytePair();
  const env: Record<string, string | undefined> = { ...childVariables("serve", theirs), OTHER: "kept" };
  expect(takeChildStart(env)).toEqual({ kind: "serve", parentPid: process.pid, linkFd: theirs });
  expect(env).toEqual({ OTHER: "kept" });
  expect(takeChildStart(env)).toBeUndefined();
  closeSockets([ours, theirs]);
});

test("who has no line is no child", () => {
  const file = openSync("/dev/null", "r");
  for (const fd of [file, 987_654, Number.NaN]) {
    expect(takeChildStart({ ...childVariables("serve", fd) })).toBeUndefined();
  }
  expect(takeChildStart({ TRIVET_CHILD: "serve" })).toBeUndefined();
  closeSockets([file]);
});
