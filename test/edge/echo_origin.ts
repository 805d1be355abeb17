import { RawOrigin } from "../harness/raw_origin.ts";
import { readStrictRequest, type StrictRequest } from "./strict_parser.ts";

/** A server that answers every request alike and keeps what it was asked; what no strict reader takes is thrown at the end. */
export class EchoOrigin implements Disposable {
  readonly requests: StrictRequest[] = [];
  readonly #origin: RawOrigin;
  /** What the edge said that a strict reader refuses. */
  fault: unknown;

  constructor(answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") {
    this.#origin = RawOrigin.start((connection) => {
      try {
        const request = readStrictRequest(connection.received);
        if (!request) return;
        this.requests.push(request);
        connection.received = connection.received.subarray(request.length);
        connection.send(answer);
      } catch (error) {
        this.fault = error;
        connection.reset();
      }
    });
  }

  get address(): string {
    return this.#origin.address;
  }

  get connections() {
    return this.#origin.connections;
  }

  /** The latest request's fields by name. */
  lastFields(): Map<string, string[]> {
    const found = new Map<string, string[]>();
    for (const [name, value] of this.requests.at(-1)?.fields ?? [])
      found.set(name, [...(found.get(name) ?? []), value]);
    return found;
  }

  [Symbol.dispose](): void {
    this.#origin[Symbol.dispose]();
    if (this.fault) throw this.fault;
  }
}
