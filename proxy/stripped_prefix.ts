import { octets } from "./http/octets.ts";

const SLASH = 47;

/** A path prefix that servers are not shown. */
export class StrippedPrefix {
  /** "/api" for "/api" and "/api/". */
  readonly text: string;
  /** What tells the server of it. */
  readonly field: Buffer;

  constructor(pathPrefix: string) {
    this.text = pathPrefix.replace(/\/+$/, "");
    this.field = octets(`X-Forwarded-Prefix: ${this.text}\r\n`);
  }

  /** null where nothing is to be stripped: "/". */
  static of(pathPrefix: string): StrippedPrefix | null {
    const prefix = new StrippedPrefix(pathPrefix);
    return prefix.text === "" ? null : prefix;
  }

  /**
   * Where the rest begins of a path in bytes[from, end) that the route covers; a "/" belongs before it. Further slashes
   * are skipped: "//evil" would be an authority (RFC 3986 §4.2).
   */
  restOf(bytes: Uint8Array, from: number, end: number): number {
    let at = from + this.text.length;
    while (at < end && bytes[at] === SLASH) at++;
    return at;
  }
}
