import { expect, test } from "bun:test";
import { parseArguments } from "./arguments.ts";
import { JOBS_FLAGS, refuseSurplus } from "./jobs_words.ts";

const refusal = (line: string) => {
  const invocation = parseArguments(
    { name: "jobs", flags: JOBS_FLAGS, operandsMax: Number.POSITIVE_INFINITY },
    line.split(" "),
  );
  const [verb = "", ...operands] = invocation.operands;
  try {
    refuseSurplus(verb, operands, invocation);
    return "";
  } catch (error) {
    return String(error);
  }
};

test("what a sub-command does not look at is refused", () => {
  expect(refusal("dead --replay 01M8")).toContain('trivet jobs dead takes no "01M8": use --id 01M8');
  expect(refusal("dead --replay --limit 5")).toContain("dead --replay takes no --limit");
  expect(refusal("pause mail default")).toContain('trivet jobs pause takes no "default"');
  expect(refusal("enqueue mail {} {}")).toContain("write the payload as one word");
  expect(refusal("ls mail")).toContain("use --queue mail, or trivet jobs show mail");
  expect(refusal("ls --replay")).toContain("trivet jobs ls takes no --replay");
  expect(refusal("kill a --type mail")).toContain("trivet jobs kill takes no --type");
  expect(refusal("toString")).toContain('trivet jobs has no "toString": use one of ls, show');
});

test("what it does look at is not", () => {
  expect(refusal("ls --queue mail --state dead --limit 5 --payload --json")).toBe("");
  expect(refusal("dead --replay --queue mail --id a,b --type t --reason expired")).toBe("");
  expect(refusal("retry a b c --queue mail")).toBe("");
  expect(refusal("enqueue mail {} --queue mail -c x.toml")).toBe("");
});
