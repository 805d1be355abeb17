import { hasProgram } from "../rig/machine.ts";
import { say } from "../rig/say.ts";
import type { ServerName } from "./servers.ts";

/** What of them can be run here; says once what is left out, and how to have it. */
export class Available {
  readonly #pm2: string;
  readonly #said = new Set<string>();

  constructor(pm2: string) {
    this.#pm2 = pm2;
  }

  of(names: readonly ServerName[]): ServerName[] {
    return names.filter((name) => this.#missing(name).map((program) => this.#tell(program)).length === 0);
  }

  #missing(name: ServerName): string[] {
    const needed = [
      ...(name.includes("Starman") ? ["starman"] : []),
      ...(name.includes("HAProxy") ? ["haproxy"] : []),
      ...(name.includes("nginx") ? ["nginx"] : []),
      ...(name === "node:http cluster" || name === "PM2 cluster" ? ["node"] : []),
      ...(name === "PM2 cluster" ? [this.#pm2] : []),
    ];
    return needed.filter((program) => !hasProgram(program));
  }

  #tell(program: string): void {
    if (this.#said.has(program)) return;
    this.#said.add(program);
    say(`Without ${program}, which is not here: ${this.#howToHave(program)}`);
  }

  #howToHave(program: string): string {
    if (program === this.#pm2) {
      return "install npm's pm2 in a folder, and name its node_modules/.bin/pm2-runtime with --pm2";
    }
    if (program === "node") return "install Node.js";
    return `apt-get install --no-install-recommends ${program}`;
  }
}
