/** A program that a benchmark starts, and always ends. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { pinned, type Role } from "./cores.ts";

const STOP_TIMEOUT_MS = 15_000;

/** Whoever interrupts a benchmark must not leave load generators behind. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

interface Waiting {
  stream: "out" | "err";
  accepts: (line: string) => boolean;
  resolve: (line: string) => void;
  reject: (error: Error) => void;
}

export class Child {
  readonly #name: string;
  readonly #process: ChildProcess;
  readonly #lines: { stream: "out" | "err"; line: string }[] = [];
  #waiting: Waiting[] = [];
  #ended = false;
  readonly #exit: Promise<number | null>;

  /** @param command The program and its arguments. */
  constructor(name: string, role: Role, command: readonly string[]) {
    this.#name = name;
    const [program = "", ...args] = pinned(role, command);
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    running.add(child);
    for (const [stream, source] of [
      ["out", child.stdout],
      ["err", child.stderr],
    ] as const) {
      createInterface({ input: source }).on("line", (line) => this.#take(stream, line));
    }
    this.#exit = new Promise((resolve) => {
      child.once("error", (error) => {
        this.#take("err", error.message);
        resolve(null);
      });
      child.once("close", (code) => resolve(code));
    });
    this.#exit.then((code) => {
      running.delete(child);
      this.#ended = true;
      for (const { reject } of this.#waiting) reject(new Error(`${name} ended with ${code}.\n${this.output}`));
      this.#waiting = [];
    });
  }

  get pid(): number {
    if (this.#process.pid === undefined) throw new Error(`${this.#name} did not start.\n${this.output}`);
    return this.#process.pid;
  }

  /** The last lines of what it said, for error messages. */
  get output(): string {
    return this.#lines
      .slice(-40)
      .map(({ line }) => line)
      .join("\n");
  }

  /** The first line, past or future, that is accepted. Rejects when the program ends before. */
  line(stream: "out" | "err", accepts: (line: string) => boolean): Promise<string> {
    const past = this.#lines.find((said) => said.stream === stream && accepts(said.line));
    if (past) return Promise.resolve(past.line);
    if (this.#ended) return Promise.reject(new Error(`${this.#name} has ended.\n${this.output}`));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ stream, accepts, resolve, reject });
    });
  }

  /** Resolves with the exit code when it ends by itself. */
  exited(): Promise<number | null> {
    return this.#exit;
  }

  /** SIGTERM, and SIGKILL for what does not listen. Resolves when it is gone. */
  async stop(): Promise<void> {
    if (this.#ended) return;
    this.#process.kill("SIGTERM");
    const abort = new AbortController();
    const late = delay(STOP_TIMEOUT_MS, undefined, { signal: abort.signal }).then(
      () => this.#process.kill("SIGKILL"),
      () => {}, // It ended in time, and the timer with it.
    );
    await this.#exit;
    abort.abort();
    await late;
  }

  #take(stream: "out" | "err", line: string): void {
    this.#lines.push({ stream, line });
    if (this.#lines.length > 1_000) this.#lines.splice(0, 500);
    const heard = this.#waiting.filter((waiting) => waiting.stream === stream && waiting.accepts(line));
    this.#waiting = this.#waiting.filter((waiting) => !heard.includes(waiting));
    for (const { resolve } of heard) resolve(line);
  }
}
