import { parse, TomlError } from "smol-toml";
import type { Table } from "./problem.ts";

export type TomlResult = { table: Table } | { line: number; column: number; sentence: string };

/** The parser's words → ours, where ours say what to change. */
const SENTENCES: Record<string, string> = {
  "invalid value": 'this is not a value: text needs quotes, like name = "text"',
  "each key-value declaration must be followed by an end-of-line":
    "nothing may follow a value on its line but a # comment",
  "incomplete key-value: cannot find end of key": "this line is neither a [section] nor a key = value",
  "illegal character in key": "this line is neither a [section] nor a key = value",
  "unexpected end of key": "there is no name before this sign",
  "illegal empty bare key": "a name is missing before this dot",
  "trying to redefine an already defined table or value": "this name is already set further up",
  "trying to redefine an already defined value": "this name is already set further up",
  "document contains an unsafe property": "this name can't be used",
  "expected comma or end of structure": "a comma or a closing bracket is missing here",
  "expected end of table array declaration": "this line needs two closing brackets: ]]",
  "unfinished string": "this text has no closing quote",
  "control characters are not allowed in strings": "this text has no closing quote on its line",
  "unfinished array": "this list has no closing bracket",
  "unfinished table": "this table has no closing brace",
  "illegal leading zero": "a number can't start with 0",
  "unrecognised escape sequence": "write \\\\ for a backslash, or put the text in single quotes",
  "document contains excessively nested structures. aborting.": "lists and tables are nested too deep here",
};

const DEEPEST = 64;

export function parseToml(text: string): TomlResult {
  try {
    return { table: parse(text, { maxDepth: DEEPEST, unsafeKeyBehaviour: "throw" }) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message.replace("Invalid TOML document: ", "").split("\n", 1)[0] ?? "";
    return { line: error.line, column: error.column, sentence: SENTENCES[reason] ?? reason };
  }
}
