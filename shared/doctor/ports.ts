import type { Config } from "../config/schema.ts";
import { closeSockets, openListenSockets, parseAddress } from "../process/listen_socket.ts";
import { sentenceOf } from "../user_error.ts";
import { broken, type Diagnosis, well } from "./diagnosis.ts";

/** Addresses that the config listens on, by who listens. */
export function listenAddresses({ proxy, serve }: Config, roles: Roles): string[] {
  return [
    ...(roles.proxy ? proxy.listen.map(({ address }) => address) : []),
    ...(roles.serve ? [serve.listen].flat() : []),
  ];
}

/** What a config is for on this node. */
export interface Roles {
  proxy: boolean;
  serve: boolean;
  worker: boolean;
}

export function portsIn(addresses: readonly string[]): number[] {
  return addresses.map((address) => parseAddress(address).port).filter((port) => port > 0);
}

/** Binds each address for a moment. */
export function checkListenAddresses(addresses: readonly string[]): Diagnosis[] {
  return addresses.map((address) => {
    const name = `listen on ${address}`;
    try {
      closeSockets(openListenSockets(address, 0).fds);
      return well(name, "is free");
    } catch (error) {
      const change = "ss -ltnp shows who listens: stop it, or change the address in trivet.toml";
      return broken(name, sentenceOf(error), "Trivet can't start", change);
    }
  });
}
