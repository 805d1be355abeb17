import { isatty } from "node:tty";
import { addressOf, libc } from "./process/libc.ts";

const STDOUT_FD = 1;
/** Where the terminal does not say (a serial line, a container's). */
const COLUMNS = 80;
/** ioctl_tty(2); struct winsize is four 16-bit numbers, rows first. */
const TIOCGWINSZ = 0x5413;
const size = new Uint16Array(4);

/** Not process.stdout.isTTY: touching process.stdout makes the descriptor non-blocking, for its other users too. */
export function stdoutIsTerminal(): boolean {
  return isatty(STDOUT_FD);
}

/** How wide the terminal on stdout is at this moment, in characters. */
export function terminalColumns(): number {
  const known = libc().ioctl(STDOUT_FD, TIOCGWINSZ, addressOf(size)) === 0;
  return (known && size[1]) || COLUMNS;
}

/** Whether a person wants colours (no-color.org) and the terminal has them. */
export function wantsColours(): boolean {
  return (process.env["NO_COLOR"] ?? "") === "" && process.env["TERM"] !== "dumb";
}
