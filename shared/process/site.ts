import type { Config } from "../config/schema.ts";
import type { Legacy } from "./legacy.ts";

/** One instance of a mode on this node: its configuration and where its files are. */
export interface Site {
  config: Config;
  configFile: string | undefined;
  /** The folder of the config file: relative paths start here. */
  dir: string;
  /** Admin sockets and the children's private sockets. */
  runDir: string;
  /** --name; "" for the first instance. */
  name: string;
  /** What the supervisor before this one left, when this one takes its place. */
  legacy: Legacy | undefined;
}
