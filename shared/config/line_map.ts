import { type Path, pathKey } from "./problem.ts";

/** Where each key of a TOML text stands. */
export interface LineMap {
  /** The line, from 1, of a key or of the nearest table around it. */
  lineOf(path: Path): number;
  /** Whether the file says anything at this path. */
  has(path: Path): boolean;
}

/** Finds the lines of a text that the TOML parser has accepted; it therefore checks nothing itself. */
export function mapLines(text: string): LineMap {
  const lines = new LineScanner(text).scan();
  return {
    has: (path) => lines.has(pathKey(path)),
    lineOf(path) {
      for (let length = path.length; length > 0; length--) {
        const line = lines.get(pathKey(path.slice(0, length)));
        if (line !== undefined) return line;
      }
      return 1;
    },
  };
}

class LineScanner {
  readonly #text: string;
  #at = 0;
  #line = 1;
  readonly #lines = new Map<string, number>();
  /** Arrays of tables → how many there are so far. */
  readonly #arrays = new Map<string, number>();

  constructor(text: string) {
    this.#text = text;
  }

  scan(): Map<string, number> {
    let table: Path = [];
    for (this.#skipSpace(true); this.#at < this.#text.length; this.#skipSpace(true)) {
      if (this.#peek() === "[") table = this.#header();
      else this.#entry(table);
    }
    return this.#lines;
  }

  #header(): Path {
    const isArray = this.#text.startsWith("[[", this.#at);
    this.#step(isArray ? 2 : 1);
    const names = this.#names();
    this.#step(isArray ? 2 : 1);
    let path: Path = [];
    names.forEach((name, i) => {
      path = [...path, name];
      this.#note(path);
      const key = pathKey(path);
      if (isArray && i === names.length - 1) this.#arrays.set(key, (this.#arrays.get(key) ?? 0) + 1);
      const count = this.#arrays.get(key);
      if (count === undefined) return;
      path = [...path, count - 1];
      this.#note(path);
    });
    return path;
  }

  #entry(table: Path): void {
    let path = table;
    for (const name of this.#names()) {
      path = [...path, name];
      this.#note(path);
    }
    this.#step(1); // the equals sign
    this.#value(path);
  }

  #value(path: Path): void {
    this.#skipSpace(false);
    const first = this.#peek();
    if (first === "[") this.#items("]", (index) => this.#item([...path, index]));
    else if (first === "{") this.#items("}", () => this.#entry(path));
    else if (first === '"' || first === "'") this.#string();
    else while (this.#at < this.#text.length && !/[,\]}#\n]/.test(this.#peek())) this.#step(1);
  }

  #item(path: Path): void {
    this.#note(path);
    this.#value(path);
  }

  #items(close: string, read: (index: number) => void): void {
    this.#step(1);
    for (let index = 0; this.#at < this.#text.length; index++) {
      this.#skipSpace(true);
      if (this.#peek() !== close) read(index);
      this.#skipSpace(true);
      const end = this.#peek();
      this.#step(1);
      if (end !== ",") return;
    }
  }

  /** The parts of a dotted key, up to "=" or "]". */
  #names(): string[] {
    const names: string[] = [];
    while (this.#at < this.#text.length) {
      this.#skipSpace(false);
      const next = this.#peek();
      if (next === "=" || next === "]") break;
      if (next === ".") this.#step(1);
      else names.push(next === '"' || next === "'" ? this.#string() : this.#bareName());
    }
    return names;
  }

  #bareName(): string {
    const start = this.#at;
    do this.#step(1);
    while (/[A-Za-z0-9_-]/.test(this.#peek()));
    return this.#text.slice(start, this.#at);
  }

  /** Passes a string of any of the four kinds; gives what is between its quotes, escapes left as they are. */
  #string(): string {
    const quote = this.#peek();
    const fence = this.#text.startsWith(quote.repeat(3), this.#at) ? quote.repeat(3) : quote;
    this.#step(fence.length);
    const start = this.#at;
    while (this.#at < this.#text.length && !this.#text.startsWith(fence, this.#at)) {
      this.#step(quote === '"' && this.#peek() === "\\" ? 2 : 1);
    }
    // A long string may end in one or two quotes of its own: """"two"""""
    if (fence.length === 3) while (this.#text[this.#at + 3] === quote) this.#step(1);
    const inside = this.#text.slice(start, this.#at);
    this.#step(fence.length);
    return inside;
  }

  #skipSpace(lines: boolean): void {
    for (let next = this.#peek(); next; next = this.#peek()) {
      if (next === "#" && lines) while (this.#at < this.#text.length && this.#peek() !== "\n") this.#step(1);
      else if (next === " " || next === "\t" || next === "\uFEFF" || (lines && /\s/.test(next)))
        this.#step(1);
      else return;
    }
  }

  #peek(): string {
    return this.#text[this.#at] ?? "";
  }

  #step(count: number): void {
    for (let i = 0; i < count; i++) if (this.#text[this.#at++] === "\n") this.#line++;
  }

  #note(path: Path): void {
    const key = pathKey(path);
    if (!this.#lines.has(key)) this.#lines.set(key, this.#line);
  }
}
