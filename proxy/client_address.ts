import type { Socket } from "bun";
import { addressOf, libc } from "../shared/process/libc.ts";

const AF_INET = 2;
const AF_INET6 = 10;
/** struct sockaddr_in6, the longest we meet. */
const NAME_BYTES = 28;
const V4_AT = 4;
const V6_AT = 8;
const V6_BYTES = 16;
/** ::ffff:0:0/96, IPv4 in IPv6 (RFC 4291 section 2.5.5.2). */
const MAPPED = Buffer.from("00000000000000000000ffff", "hex");

/**
 * Who is at the other end of a connection, one connection at a time (getpeername(2)). Bun's own `remoteAddress` stays
 * with the socket as a string: 160 bytes of each idle connection.
 */
export class ClientAddress {
  port = 0;
  /** The same for the same address: an IPv4 address as a number, the 16 bytes of an IPv6 one, "" for none. */
  key: number | string = "";
  readonly #name = Buffer.from(new ArrayBuffer(NAME_BYTES));
  readonly #length = new Uint32Array([NAME_BYTES]);
  readonly #view = new DataView(this.#name.buffer);

  /** Reads the address of this connected socket; none when the connection is gone already. */
  read(socket: Socket<unknown>): void {
    // Not in Bun's types.
    const { fd } = socket as unknown as { fd: number };
    this.port = 0;
    this.key = "";
    this.#length[0] = NAME_BYTES;
    if (libc().getpeername(fd, addressOf(this.#name), addressOf(this.#length)) !== 0) return;
    const family = this.#view.getUint16(0, true);
    if (family === AF_INET) this.key = this.#view.getUint32(V4_AT);
    else if (family === AF_INET6) this.key = this.#keyOfV6();
    else return;
    this.port = this.#view.getUint16(2);
  }

  /** As it is written: dotted, or by RFC 5952; "" for none. */
  get text(): string {
    const { key } = this;
    if (typeof key === "number")
      return [key >>> 24, (key >>> 16) & 255, (key >>> 8) & 255, key & 255].join(".");
    if (key === "") return "";
    const words = Array.from({ length: 8 }, (_, i) => this.#view.getUint16(V6_AT + 2 * i).toString(16));
    // The URL parser writes the shortest form.
    return new URL(`http://[${words.join(":")}]/`).hostname.slice(1, -1);
  }

  #keyOfV6(): number | string {
    const bytes = this.#name;
    if (MAPPED.equals(bytes.subarray(V6_AT, V6_AT + MAPPED.length)))
      return this.#view.getUint32(V6_AT + MAPPED.length);
    return bytes.toString("latin1", V6_AT, V6_AT + V6_BYTES);
  }
}
