/** One line of a file, broken: tests that look at what the line does fail. */
export interface Mutant {
  /** From 1. */
  line: number;
  was: string;
  now: string;
}

/** What is put in the place of what. Blanks tell an operator from a type's angle bracket. */
const SWAPS: readonly [RegExp, string][] = [
  [/ < /g, " <= "],
  [/ <= /g, " < "],
  [/ > /g, " >= "],
  [/ >= /g, " > "],
  [/ === /g, " !== "],
  [/ !== /g, " === "],
  [/ && /g, " || "],
  [/ \|\| /g, " && "],
  [/ \+ /g, " - "],
  [/ - /g, " + "],
  [/ \+= /g, " -= "],
  [/ -= /g, " += "],
  [/\+\+/g, "--"],
  [/\btrue\b/g, "false"],
  [/\bfalse\b/g, "true"],
  [/(?<=[(\s])!(?=[\w(])/g, ""],
  [/(?<![\w.])(?:0|1)(?![\w.])/g, "2"],
];

/** A statement of one line that does something and gives nothing: without it, the line is empty. */
const EFFECT = /^\s*(?:void |await )?(?:this\.)?#?\w+(?:\.#?\w+)*(?:\(.*\)|(?: [-+|&]?= .*)|\+\+|--);$/;
const COMMENT = /^\s*(?:\/\/|\*|\/\*)/;

/** All ways in which one line of the text is broken. What changes only types or does not parse is none. */
export function mutantsOf(text: string): Mutant[] {
  const lines = text.split("\n");
  const plain = compiled(text);
  return lines.flatMap((was, index) =>
    brokenLines(was)
      .map((now): Mutant => ({ line: index + 1, was, now }))
      .filter((mutant) => {
        const js = compiled(mutated(text, mutant));
        return js !== undefined && js !== plain;
      }),
  );
}

export function mutated(text: string, { line, now }: Mutant): string {
  return text
    .split("\n")
    .toSpliced(line - 1, 1, now)
    .join("\n");
}

function brokenLines(line: string): string[] {
  if (COMMENT.test(line) || /^\s*(?:import|export type|type)\b/.test(line)) return [];
  const swapped = SWAPS.flatMap(([from, to]) =>
    [...line.matchAll(from)].map(({ index, 0: { length } }) =>
      [line.slice(0, index), to, line.slice(index + length)].join(""),
    ),
  );
  return EFFECT.test(line) ? [...swapped, ""] : swapped;
}

const transpiler = new Bun.Transpiler({ loader: "ts" });

function compiled(text: string): string | undefined {
  try {
    return transpiler.transformSync(text);
  } catch {
    // It does not parse: nobody would have to test for it.
    return undefined;
  }
}
