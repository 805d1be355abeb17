import { expect, test } from "bun:test";
import { bindsConnection } from "./connection_auth.ts";
import { octets } from "./octets.ts";

function binds(value: string): boolean {
  const bytes = octets(`<${value}>`);
  return bindsConnection(bytes, 1, bytes.length - 1);
}

test.each([
  "NTLM",
  "ntlm TlRMTVNTUAABAAAA",
  "Negotiate",
  "negotiate YII=",
  "Nego2",
  'Basic realm="a", NTLM',
  'Basic realm="a",Negotiate',
  ", \tNTLM",
])("%j binds the connection", (value) => {
  expect(binds(value)).toBe(true);
});

test.each(["", ",", "Basic YTpi", 'Digest realm="NTLM"', "Bearer ntlm", "NTLMv2", "XNTLM", "Negotiates a"])(
  "%j does not",
  (value) => {
    expect(binds(value)).toBe(false);
  },
);
