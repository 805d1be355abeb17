/** What may follow each sub-command of `trivet jobs`. What is not looked at is refused: its writer takes it for done. */
import { UserError } from "../shared/user_error.ts";
import type { Flag, Invocation } from "./command.ts";

export const JOBS_FLAGS = {
  "--queue": {
    value: "QUEUE",
    meaning: "ls, show, dead, retry, kill: of this queue alone; enqueue: into this one",
  },
  "--state": { value: "STATE", meaning: "ls: jobs that are waiting, delayed, running, or dead" },
  "--type": { value: "TYPE", meaning: "ls, dead: jobs of this type" },
  "--reason": {
    value: "REASON",
    meaning: "ls, dead: jobs that are dead for this, like exhausted or expired",
  },
  "--id": { value: "ID[,ID…]", meaning: "ls, dead: these jobs" },
  "--limit": { value: "N", meaning: "ls, dead: so many at most, 100 unless set" },
  "--payload": { meaning: "ls, show, dead: with payloads and results, which may be private" },
  "--replay": { meaning: "dead: put back all that match" },
} as const satisfies Record<string, Flag>;

type JobsFlag = keyof typeof JOBS_FLAGS;

interface Words {
  operandsMax: number;
  flags: readonly JobsFlag[];
  /** What is meant by a word too many. */
  hint?: (word: string) => string;
}

const PICK: readonly JobsFlag[] = ["--queue", "--type", "--reason", "--id"];
const SHOW: readonly JobsFlag[] = ["--limit", "--payload"];

const WORDS: Readonly<Record<string, Words>> = {
  ls: {
    ...{ operandsMax: 0, flags: [...PICK, ...SHOW, "--state"] },
    hint: (word) => `use --queue ${word}, or trivet jobs show ${word}`,
  },
  show: { operandsMax: 1, flags: ["--queue", "--payload"] },
  enqueue: { operandsMax: 2, flags: ["--queue"], hint: () => "write the payload as one word, in quotes" },
  retry: { operandsMax: Number.POSITIVE_INFINITY, flags: ["--queue"] },
  kill: { operandsMax: Number.POSITIVE_INFINITY, flags: ["--queue"] },
  pause: { operandsMax: 1, flags: [] },
  resume: { operandsMax: 1, flags: [] },
  dead: {
    ...{ operandsMax: 0, flags: [...PICK, ...SHOW, "--replay"] },
    hint: (word) => `use --id ${word}`,
  },
  quiet: { operandsMax: 0, flags: [] },
};

/** Throws a UserError (2) that names the first word that the sub-command does not take. */
export function refuseSurplus(verb: string, operands: readonly string[], { flags }: Invocation): void {
  const words = Object.hasOwn(WORDS, verb) ? WORDS[verb] : undefined;
  if (!words)
    throw new UserError(`trivet jobs has no "${verb}": use one of ${Object.keys(WORDS).join(", ")}`, 2);
  const word = operands[words.operandsMax];
  if (word !== undefined) {
    const hint = words.hint?.(word) ?? 'see "trivet help jobs"';
    throw new UserError(`trivet jobs ${verb} takes no "${word}": ${hint}`, 2);
  }
  const flag = Object.keys(JOBS_FLAGS).find(
    (name) => flags.has(name) && !words.flags.some((known) => known === name),
  );
  if (flag) throw new UserError(`trivet jobs ${verb} takes no ${flag}: see "trivet help jobs"`, 2);
  const unheard = SHOW.find((name) => flags.has("--replay") && flags.has(name));
  if (unheard)
    throw new UserError(`trivet jobs dead --replay takes no ${unheard}: it puts back all that match`, 2);
}
