/** Progress and complaints: beside the results, which go to standard output. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
