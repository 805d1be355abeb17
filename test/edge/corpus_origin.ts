import type { Bytes } from "./corpus_file.ts";
import { readStrictRequest, type StrictRequest } from "./strict_parser.ts";

/** What the server says to the request of one run. */
export interface Script {
  parts: Buffer[];
  end: Bytes["end"];
}

const ID = /id\d+z/;
export const PART_GAP_MS = 2;

/** The server of the corpus: reads strictly, and says to each run what its case has it say. */
export class CorpusOrigin implements Disposable {
  /** What the edge said that a strict reader refuses. */
  readonly faults: string[] = [];
  readonly #asked = new Map<string, StrictRequest[]>();
  readonly #scripts = new Map<string, Script>();
  readonly #listener: Bun.TCPSocketListener<{ bytes: Buffer }>;

  constructor() {
    this.#listener = Bun.listen<{ bytes: Buffer }>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: (socket) => {
          socket.data = { bytes: Buffer.alloc(0) };
        },
        data: (socket, bytes) => {
          socket.data.bytes = Buffer.concat([socket.data.bytes, bytes]);
          this.#read(socket);
        },
      },
    });
  }

  get address(): string {
    return `127.0.0.1:${this.#listener.port}`;
  }

  /** Scripted or plain, what run `id` asked is remembered. */
  expect(id: string, script: Script | undefined): void {
    this.#asked.set(id, []);
    if (script) this.#scripts.set(id, script);
  }

  asked(id: string): StrictRequest[] {
    return this.#asked.get(id) ?? [];
  }

  forget(id: string): void {
    this.#asked.delete(id);
    this.#scripts.delete(id);
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
  }

  #read(socket: Bun.Socket<{ bytes: Buffer }>): void {
    const { bytes } = socket.data;
    let request: StrictRequest | undefined;
    try {
      request = readStrictRequest(bytes);
    } catch (error) {
      this.faults.push(`${String(error)} in ${JSON.stringify(bytes.toString("latin1", 0, 300))}`);
      socket.terminate();
      return;
    }
    if (!request) return;
    if (bytes.length > request.length) this.faults.push("bytes after a request that was not answered");
    socket.data.bytes = Buffer.alloc(0);
    const id = ID.exec(bytes.toString("latin1"))?.[0];
    if (!id) return void this.faults.push(`a request of no case: ${bytes.toString("latin1", 0, 300)}`);
    this.#asked.get(id)?.push(request);
    const script = this.#scripts.get(id);
    if (script)
      void say(socket, script); // Its end is seen by the client of the run.
    else socket.write(plainAnswer(request.method));
  }
}

function plainAnswer(method: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${method === "HEAD" ? "" : "ok"}`;
}

async function say(socket: Bun.Socket<{ bytes: Buffer }>, { parts, end }: Script): Promise<void> {
  for (const [i, part] of parts.entries()) {
    if (i > 0) await Bun.sleep(PART_GAP_MS);
    for (let sent = 0; sent < part.length; ) {
      const taken = socket.write(part, sent, part.length - sent);
      // The edge has heard enough and is gone.
      if (taken < 0 || socket.readyState <= 0) return;
      sent += taken;
      if (taken === 0) await Bun.sleep(PART_GAP_MS);
    }
  }
  if (end !== "open") await Bun.sleep(PART_GAP_MS);
  if (end === "fin") socket.end();
  if (end === "reset") socket.terminate();
}
