import { describe, expect, test } from "bun:test";
import { type FormatName, format, formatNamed } from "./format.ts";

const CASES: Record<FormatName, { good: string[]; bad: string[] }> = {
  duration: { good: ["0", "250ms", "1h"], bad: ["", "5", "5 s"] },
  size: { good: ["0", "16KiB"], bad: ["", "16 KB"] },
  address: {
    good: ["127.0.0.1:8080", ":80", "localhost:0", "[::1]:443", "[::]:80"],
    bad: ["", "8080", "127.0.0.1", "127.0.0.1:65536", "example.com:80", "::1:80", "[1]:80", "1.2.3:80"],
  },
  "address-or-empty": { good: ["", "127.0.0.1:9900"], bad: ["off", "9900"] },
  "host-pattern": {
    good: ["example.com", "*.example.com", "localhost", "10.0.0.1", "[::1]", "a_b.c-d"],
    bad: ["", "*", "*.", "a.*.b", "example.com:80", "http://a", "a b", "[x]"],
  },
  host: {
    good: ["example.com", "localhost", "10.0.0.1", "[::1]"],
    bad: ["", "*", "*.example.com", "example.com:80", "[x]"],
  },
  server: {
    good: ["10.0.0.1:80", "app.internal:80", "[::1]:80", "unix:/run/a.sock", "unix:a.sock", "serve:"],
    bad: ["", "10.0.0.1", "a:0", "a:b", ":80", "unix:", "serve:x", "http://a:80"],
  },
  balance: {
    good: [
      "round_robin",
      "least_connections",
      "random_two",
      "hash:ip",
      "hash:header:X-User",
      "hash:cookie:a",
    ],
    bad: ["", "roundrobin", "hash", "hash:", "hash:header", "hash:header:", "hash:cookie:a b", "hash:ip:1"],
  },
  "store-url": {
    good: [
      ...["sqlite:./a.db", "redis://h", "redis://h/", "redis://[::1]:6379/0", "rediss://u:p@h:6379/1"],
      ...["redis+sentinel://h1,h2:5000/main", "redis+sentinel://u:p@h/main/1"],
    ],
    bad: [
      "",
      "sqlite:",
      "redis:",
      "redis://h/main",
      "redis:///s.sock",
      "redis://h:99999",
      "postgres://h",
      "./a.db",
      "redis+sentinel://h",
      "redis+sentinel://h/",
    ],
  },
  cidr: {
    good: ["10.0.0.0/8", "10.1.2.3", "::/0", "fd00::/128"],
    bad: ["", "10.0.0.0/33", "10.0.0/8", "::/129", "a/8", "1.1.1.1/8/8"],
  },
  "log-target": { good: ["stdout", "file:a.log"], bad: ["", "stderr", "file:", "a.log"] },
  "status-set": {
    good: ["2xx", "2xx,3xx", "200, 204-206", "2xx-3xx"],
    bad: ["", "2xx,", "6xx", "20x", "200-", "200 201"],
  },
  cron: {
    good: ["0 3 * * *", "*/5 9-17 * * 1-5", "30 0 3 * * *", "@daily"],
    bad: ["", "0 3 * *", "61 * * * *", "0 0 31 2 *", "soon"],
  },
  "time-zone": { good: ["UTC", "Europe/Berlin"], bad: ["", "Mars/Base", "Berlin time"] },
  redirect: {
    good: [
      "https://example.com",
      "http://a.test:8080/x?y=%20#z",
      "https://[::1]:443/",
      "https://a.test?q",
      "/",
      "/new/path?q",
    ],
    bad: [
      "",
      "example.com",
      "//example.com",
      "ftp://a.test",
      "javascript:alert(1)",
      "https://u@a.test",
      "https://a.test\r\nSet-Cookie: x=y",
      "/a\nb",
      "/a b",
      "/\\evil",
      "/ü",
      "https://",
    ],
  },
  method: {
    good: ["GET", "PROPFIND", "x-Y", "M".repeat(64)],
    bad: ["", "CONNECT", "connect", "A B", "GET\r\n", "M".repeat(65)],
  },
  "field-value": {
    good: ["", "a", "max-age=31536000; x", "a\tb", "grün"],
    bad: [" a", "a ", "\t", "a\r\nB: c", "a\nb", "a\rb", "a\0", "\x7f", "x".repeat(8193)],
  },
  "key-prefix": {
    good: ["trivet", "shop:jobs", "a.b-c_1", "p".repeat(64)],
    bad: ["", "a{b}", "a b", "p".repeat(65), "a\n"],
  },
  queue: { good: ["default", "a-b_C9"], bad: ["", "a b", "a.b", "x".repeat(65)] },
};

for (const [name, { good, bad }] of Object.entries(CASES)) {
  describe(name, () => {
    const accepts = formatNamed(format(name as FormatName))?.accepts;
    test.each(good)("takes %p", (text) => {
      expect(accepts?.(text)).toBe(true);
    });
    test.each(bad)("refuses %p", (text) => {
      expect(accepts?.(text)).toBe(false);
    });
  });
}

test("a format that is not ours has no words", () => {
  expect(formatNamed("duration")).toBeUndefined();
});
