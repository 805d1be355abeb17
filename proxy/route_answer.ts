/** Answers that a route gives itself: all but the request's part of a Location is made once a plan. */
import { STATUS_CODES } from "node:http";
import { FieldEdits } from "./field_edits.ts";
import { octets } from "./http/octets.ts";
import type { RulesPlan } from "./plan.ts";

const ORIGIN = /^https?:\/\/[^/?#]+$/;
const LINE_END = "\r\n";
/** No length is told of these (RFC 9110 §8.6); 304 would have to tell that of a 200. */
const LENGTHLESS = [204, 304];

/** What the client is told of the connection. */
export type ConnectionOption = "" | "Connection: close\r\n" | "Connection: keep-alive\r\n";

export interface RouteAnswer {
  status: number;
  /** Path and query of the request, less a stripped prefix, follow `start`. */
  keepsTarget: boolean;
  /** The head up to the request's target, or up to the option. */
  start: Buffer;
  /** Between the target and the option. */
  middle: Buffer;
  body: Buffer;
}

export function routeAnswer({ redirect, respond, headers }: RulesPlan): RouteAnswer | null {
  const edits = new FieldEdits(headers.response);
  if (redirect) return redirectAnswer(redirect, edits);
  return respond ? respondAnswer(respond, edits) : null;
}

function redirectAnswer({ to, status }: NonNullable<RulesPlan["redirect"]>, edits: FieldEdits): RouteAnswer {
  const start = `${statusLine(status)}Content-Length: 0\r\n${edits.lines.toString("latin1")}`;
  // Without a body there is nothing to leave out.
  const body = Buffer.alloc(0);
  if (edits.names("location"))
    return { status, keepsTarget: false, start: octets(start), middle: body, body };
  return {
    status,
    keepsTarget: ORIGIN.test(to),
    start: octets(`${start}Location: ${to}`),
    middle: octets(LINE_END),
    body,
  };
}

function respondAnswer(
  { status, body: text }: NonNullable<RulesPlan["respond"]>,
  edits: FieldEdits,
): RouteAnswer {
  const body = Buffer.from(text);
  const type =
    body.length === 0 || edits.names("content-type") ? "" : "Content-Type: text/plain; charset=utf-8\r\n";
  const length = LENGTHLESS.includes(status) ? "" : `Content-Length: ${body.length}\r\n`;
  const start = `${statusLine(status)}${type}${length}${edits.lines.toString("latin1")}`;
  return { status, keepsTarget: false, start: octets(start), middle: Buffer.alloc(0), body };
}

/** The whole answer; `target` is bytes that a request target may hold, so that nothing in it ends the field. */
export function answerBytes(
  answer: RouteAnswer,
  target: Buffer,
  option: ConnectionOption,
  toHead: boolean,
): Buffer {
  const { start, keepsTarget, middle, body } = answer;
  const parts = [start, middle, octets(option + LINE_END)];
  if (keepsTarget) parts.splice(1, 0, target);
  if (!toHead) parts.push(body);
  return Buffer.concat(parts);
}

function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
}
