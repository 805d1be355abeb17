/**
 * One end of the line between a supervisor and a child: JSON messages over a pair of sockets that is ours alone. It is
 * not Bun's own IPC, since that is `process.send` of the user's code.
 */
import type { Socket } from "bun";
import { sentenceOf } from "../user_error.ts";
import { FrameReader, frameOf } from "./frame_reader.ts";
import { LinkBudget, type LinkRates } from "./link_budget.ts";

export interface LinkLimits {
  /** The longest message that is taken. */
  messageBytesMax: number;
  /** What may wait to be sent. */
  backlogBytesMax: number;
  /** How much is listened to; the rest waits at the sender's. */
  rates?: LinkRates;
}

export interface LinkEvents {
  /** A message: any value that JSON can say. What this throws is told as broken(). */
  message(value: unknown): void;
  /** The other side does what it may not; `what` begins with a verb. Nothing more is heard or said. */
  broken(what: string): void;
  /** The other side has gone, and all that it said was heard. */
  closed(): void;
}

export class MessageLink {
  readonly #limits: LinkLimits;
  readonly #events: LinkEvents;
  readonly #reader: FrameReader;
  #budget: LinkBudget | undefined;
  #socket: Socket<undefined> | undefined;
  /** What the kernel did not take yet. */
  #unsent: Uint8Array[] = [];
  #unsentBytes = 0;
  #pause: ReturnType<typeof setTimeout> | undefined;
  #ended = false;
  readonly #idle = new Set<() => void>();

  /** The descriptor is this link's from now on. */
  constructor(fd: number, limits: LinkLimits, events: LinkEvents) {
    this.#limits = limits;
    this.#events = events;
    this.#reader = new FrameReader(limits.messageBytesMax);
    this.#budget = limits.rates && new LinkBudget(limits.rates, performance.now());
    const socket = {
      open: (opened: Socket<undefined>) => this.#opened(opened),
      data: (_: unknown, chunk: Uint8Array) => this.#heard(chunk),
      drain: () => this.#flush(),
      close: () => this.#closed(),
      // A reset by one that has ended with messages of ours unread.
      error: () => this.#closed(),
    };
    // `fd` is not in Bun's types.
    const options = { fd, socket } as unknown as Bun.UnixSocketOptions<undefined>;
    Bun.connect(options).catch(() => this.#closed());
  }

  /** What was sent and is still with us. */
  get backlogBytes(): number {
    return this.#unsentBytes;
  }

  /** Nothing happens when nobody is there any more, or when the message is over `bytesMax`: false. */
  send(message: unknown, bytesMax = Number.POSITIVE_INFINITY): boolean {
    if (this.#ended) return true;
    const frame = frameOf(message);
    if (frame.byteLength > bytesMax) return false;
    this.#unsent.push(frame);
    this.#unsentBytes += frame.byteLength;
    if (this.#unsent.length === 1) this.#flush();
    if (this.#unsentBytes > this.#limits.backlogBytesMax)
      this.#break(`takes no messages (${this.#unsentBytes} bytes wait)`);
    return true;
  }

  /** Resolves when the kernel has all that was sent, or when nobody will take it. */
  sent(): Promise<void> {
    if (this.#ended || this.#unsentBytes === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.add(resolve));
  }

  /** The other side has ended: what it has said is heard at once, then closed() follows. */
  hearOut(): void {
    this.#budget = undefined;
    if (this.#pause) this.#goOn();
  }

  /** Nothing is heard or said from now on. */
  close(): void {
    this.#ended = true;
    clearTimeout(this.#pause);
    this.#unsent = [];
    this.#unsentBytes = 0;
    this.#socket?.terminate();
    this.#settle();
  }

  #opened(socket: Socket<undefined>): void {
    this.#socket = socket;
    if (this.#ended) socket.terminate();
    else this.#flush();
  }

  #heard(chunk: Uint8Array): void {
    if (this.#ended) return;
    this.#reader.push(chunk);
    if (!this.#pause) this.#readOn();
  }

  #readOn(): void {
    try {
      while (!this.#ended) {
        const waitMs = this.#budget?.waitMs(performance.now()) ?? 0;
        if (waitMs > 0) return this.#rest(waitMs);
        const text = this.#reader.next();
        if (text === undefined) return;
        this.#budget?.take(text.length);
        this.#events.message(JSON.parse(text));
      }
    } catch (error) {
      this.#break(`says what is no message (${sentenceOf(error)})`);
    }
  }

  /** Nothing is read meanwhile: the sender waits in its turn, and what it has to say fills its own memory. */
  #rest(ms: number): void {
    this.#socket?.pause();
    this.#pause = setTimeout(() => this.#goOn(), ms);
  }

  #goOn(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.#readOn();
    if (!this.#pause && !this.#ended) this.#socket?.resume();
  }

  #flush(): void {
    for (let [first] = this.#unsent; first && this.#socket; [first] = this.#unsent) {
      const written = Math.max(0, this.#socket.write(first));
      this.#unsentBytes -= written;
      if (written < first.byteLength) {
        this.#unsent[0] = first.subarray(written);
        return;
      }
      this.#unsent.shift();
    }
    if (this.#unsentBytes === 0) this.#settle();
  }

  #settle(): void {
    for (const resolve of this.#idle) resolve();
    this.#idle.clear();
  }

  #closed(): void {
    if (this.#ended) return;
    this.hearOut();
    this.close();
    this.#events.closed();
  }

  #break(what: string): void {
    if (this.#ended) return;
    this.close();
    this.#events.broken(what);
  }
}
