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

/** One flag of a command, as its help explains it. */
export interface Flag {
  /** What its value is, like "FILE"; absent when it takes none. */
  value?: string;
  meaning: string;
}

/** One command of `trivet`; the table in commands.ts lists them all. */
export interface Command {
  name: string;
  /** As `trivet help` prints it: operands, then one line. */
  usage: string;
  summary: string;
  /** Own flags, beside those that every command takes. */
  flags?: Readonly<Record<string, Flag>>;
  /** As many operands; absent: none. More are refused, for their writer takes them for heard. */
  operandsMax?: number;
  /** What is to be done instead of giving a word too many. */
  instead?: (word: string) => string;
  /** Operands are passed on as they are, flags too (run, test). */
  passThrough?: boolean;
  load(): Promise<Runner>;
}
