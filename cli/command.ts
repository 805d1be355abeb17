/** What the command line said, after `trivet NAME`. */
export interface Invocation {
  /** -c FILE; undefined: ./trivet.toml if it is there. */
  configFile: string | undefined;
  /** --name NAME: a second instance of a mode on one node. */
  name: string;
  /** --json */
  json: boolean;
  /** Flags a command declares for itself, "--schema" → flags.has("schema"). */
  flags: ReadonlyMap<string, string | true>;
  operands: readonly string[];
}

/** What a command does. */
export interface Runner {
  /** The exit code; a UserError thrown is printed as its sentence. */
  run(invocation: Invocation): Promise<number>;
}

/** One command of `trivet`; the table in commands.ts lists them all. */
export interface Command {
  name: string;
  /** As `trivet help` prints it: operands, then one line. */
  usage: string;
  summary: string;
  /** Own flags: true when the flag takes a value. */
  flags?: Readonly<Record<string, boolean>>;
  /** Operands are passed on as they are, flags too (run, test). */
  passThrough?: boolean;
  load(): Promise<Runner>;
}
