import { expect, test } from "bun:test";
import { BAD_HOST, readAuthority } from "./host.ts";
import { octets } from "./octets.ts";

/** The host's name and what follows it, or undefined. */
function read(text: string): [string, string] | undefined {
  const at = readAuthority(octets(`<${text}>`), 1, text.length + 1);
  return at === BAD_HOST ? undefined : [text.slice(0, at - 1), text.slice(at - 1)];
}

test.each([
  ["a.test", "a.test", ""],
  ["A.Test:8080", "A.Test", ":8080"],
  ["a.test:", "a.test", ":"],
  ["127.0.0.1:65535", "127.0.0.1", ":65535"],
  ["[::1]", "[::1]", ""],
  ["[2001:DB8::1]:80", "[2001:DB8::1]", ":80"],
  ["[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]", ""],
  ["a_b-c~d", "a_b-c~d", ""],
  ["a.test.", "a.test.", ""],
  ["a.test.:80", "a.test.", ":80"],
])("%s is the host %s", (text, name, port) => {
  expect(read(text)).toEqual([name, port]);
});

test.each([
  "",
  ":80",
  "a b",
  "a,b/",
  "a/b",
  "a?b",
  "a#b",
  "a@b",
  "a\\b",
  'a"b',
  "a:b",
  "a:80:81",
  "a:65536",
  "a:000080",
  "a:+80",
  "a:-1",
  "[",
  "[]",
  "[::1",
  "::1]",
  "[::1]x",
  "[::1]:x",
  "[[::1]",
  "[[::1]]",
  "[:::]",
  "[1]",
  "[...]",
  "[::1%25eth0]",
  "[a.test]",
  "::1",
  "a%zz",
  "a%4",
  "b%C3%BCcher.test",
  "intern%61l",
  ".",
  ".a",
  "a..",
  "a..b",
  "a\x7f",
  "a\xe4",
  "a\0",
])("%j is no host", (text) => {
  expect(read(text)).toBeUndefined();
});
