/** The commands of a guide, run as they stand there: the block of shell behind `<!-- commands: name -->`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { withoutPaybell } from "./environment.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const CLI = fileURLToPath(new URL("../src/cli/paybell.ts", import.meta.url));

export class GuideCommands {
  readonly #blocks: ReadonlyMap<string, string>;
  /** Where `paybell` and the programs are found, as they are on an operator's machine. */
  readonly #bin: string;

  /** @param programs by the names under which the guide calls them: their paths */
  constructor(guide: string, programs: Readonly<Record<string, string>>) {
    const text = readFileSync(join(ROOT, guide), "utf8");
    const found = text.matchAll(/<!-- commands: ([\w-]+) -->\n```sh\n([\s\S]*?)```/g);
    this.#blocks = new Map([...found].map(([, name = "", commands = ""]) => [name, commands]));
    this.#bin = mkdtempSync(join(tmpdir(), "paybell-bin-"));
    const paybell = join(this.#bin, "paybell");
    writeFileSync(paybell, `#!/bin/sh\nexec "${process.execPath}" --conditions=@paybell/source "${CLI}" "$@"\n`);
    chmodSync(paybell, 0o755);
    for (const [name, path] of Object.entries(programs)) symlinkSync(path, join(this.#bin, name));
  }

  get names(): string[] {
    return [...this.#blocks.keys()];
  }

  /** Returns what was said on both outputs. @throws where a command fails */
  async run(name: string, environment: Readonly<Record<string, string>>): Promise<string> {
    const commands = this.#blocks.get(name);
    if (commands === undefined) throw new Error(`The guide has no commands "${name}".`);
    const env = { ...withoutPaybell(), ...environment, PATH: `${this.#bin}${delimiter}${process.env.PATH}` };
    const shell = spawn("bash", ["-euo", "pipefail", "-c", commands], { env, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [shell.stdout, shell.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        said += chunk.toString();
      });
    }
    const [code] = (await once(shell, "close")) as [number | null];
    if (code !== 0) throw new Error(`"${name}" ended with ${code}: ${said}`);
    return said;
  }

  dispose(): void {
    rmSync(this.#bin, { recursive: true });
  }
}
