/** A directory with a configuration, of which `paybell doctor` is asked. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Finding } from "../src/cli/doctor/finding.ts";
import { runProgram } from "../src/cli/program.ts";
import { freePort } from "./server-process.ts";

export interface Said {
  code: number;
  out: string;
  err: string;
}

export interface Diagnosis extends Said {
  status: string;
  findings: readonly Finding[];
}

export class Patient {
  readonly directory: string;
  readonly port: number;

  static async admit(): Promise<Patient> {
    return new Patient(await mkdtemp(join(tmpdir(), "paybell-doctor-")), await freePort());
  }

  private constructor(directory: string, port: number) {
    this.directory = directory;
    this.port = port;
  }

  get dataDir(): string {
    return join(this.directory, ".paybell");
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** What stands in paybell.config.json. */
  async configure(file: object): Promise<void> {
    await writeFile(this.path("paybell.config.json"), JSON.stringify(file));
  }

  async run(...args: string[]): Promise<Said> {
    const said = { out: "", err: "" };
    const code = await runProgram(
      args,
      {
        out: (text) => {
          said.out += text;
        },
        err: (text) => {
          said.err += text;
        },
        environment: { PAYBELL_PORT: String(this.port) },
        cwd: this.directory,
        colours: false,
      },
      "1.2.3",
    );
    return { code, ...said };
  }

  async examine(...args: string[]): Promise<Diagnosis> {
    const said = await this.run("doctor", "--json", ...args);
    return { ...said, ...(JSON.parse(said.out) as { status: string; findings: Finding[] }) };
  }

  discharge(): Promise<void> {
    return rm(this.directory, { recursive: true });
  }
}
