import { isTest, type Tree } from "./tree.ts";

interface Ban {
  pattern: RegExp;
  reason: string;
  where?: RegExp;
}

// Written so that this file does not match itself.
const BANS: readonly Ban[] = [
  {
    pattern: /\b(?:test|it|describe)\.(?:skip|only|todo|if|skipIf|todoIf)\b/,
    reason: "a test runs always, or goes",
    where: /\.ts$/,
  },
  { pattern: /\b(?:TO[D]O|FIX[M]E|X[X]X)\b/, reason: "do it, or write an issue" },
  { pattern: /(?<![\w.$}/*:-])\/(?:work|root|home|Users)\/\w/, reason: "a path of one machine" },
  { pattern: /registry\.npm[j]s|deb\.debia[n]\.org/, reason: "a host that others may not use" },
];

const LINES_MAX = 400;

/** What no file may contain. */
export function badText(tree: Tree): string[] {
  return [...tree].flatMap(([path, text]) => {
    const lines = text.split("\n");
    const tooLong =
      path.endsWith(".ts") && !isTest(path) && lines.length > LINES_MAX
        ? [`${path} has more than ${LINES_MAX} lines: does it hold two nouns?`]
        : [];
    const found = BANS.filter(({ where }) => where?.test(path) ?? true).flatMap(({ pattern, reason }) =>
      lines.flatMap((line, i) =>
        pattern.test(line) ? [`${path}:${i + 1}: ${reason}: ${line.trim().slice(0, 80)}`] : [],
      ),
    );
    return [...tooLong, ...found];
  });
}
