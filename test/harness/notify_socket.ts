import { join } from "node:path";
import { Message } from "../../shared/process/fd_channel.ts";
import { addressOf, libc } from "../../shared/process/libc.ts";
import { closeSockets } from "../../shared/process/listen_socket.ts";
import { encodeUnix } from "../../shared/process/service_manager.ts";
import { Folder } from "./folder.ts";

const AF_UNIX = 1;
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
const DATAGRAM_BYTES_MAX = 4096;
const FDS_MAX = 64;
let abstract = 0;

export interface NotifyMessage {
  text: string;
  fds: number[];
}

/** What systemd listens on: a real datagram socket. `await using socket = await NotifySocket.open()`. */
export class NotifySocket implements AsyncDisposable {
  /** For $NOTIFY_SOCKET. */
  readonly name: string;
  readonly #folder: Folder;
  readonly #fd: number;
  readonly #heard: NotifyMessage[] = [];

  private constructor(name: string, folder: Folder) {
    this.name = name;
    this.#folder = folder;
    this.#fd = libc().socket(AF_UNIX, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0);
    const address = encodeUnix(name) ?? new Uint8Array();
    if (libc().bind(this.#fd, addressOf(address), address.byteLength) !== 0)
      throw new Error(`can't bind ${name}`);
  }

  static async open(kind: "path" | "abstract" = "path"): Promise<NotifySocket> {
    const folder = await Folder.make();
    const name = kind === "path" ? join(folder.path, "notify") : `@trivet-${process.pid}-${abstract++}`;
    return new NotifySocket(name, folder);
  }

  /** All that was sent so far. */
  heard(): readonly NotifyMessage[] {
    for (;;) {
      const data = new Uint8Array(DATAGRAM_BYTES_MAX);
      const message = new Message([], data, undefined, FDS_MAX);
      const length = Number(libc().recvmsg(this.#fd, message.address, 0));
      if (length < 0) return this.#heard;
      this.#heard.push({ text: new TextDecoder().decode(data.subarray(0, length)), fds: message.read() });
    }
  }

  texts(): string[] {
    return this.heard().map(({ text }) => text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    closeSockets([this.#fd, ...this.heard().flatMap(({ fds }) => fds)]);
    await this.#folder[Symbol.asyncDispose]();
  }
}
