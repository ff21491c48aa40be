/** The anvil binary (npm: @foundry-rs/anvil) as a child process on a free port of 127.0.0.1, ended by its id. */
import { type ChildProcess, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 10_000;

export interface AnvilOptions {
  chainId?: number;
  /** The first block's time, Unix seconds. */
  genesisSeconds?: number;
  /** `safe` is one epoch behind the head, `finalized` two. */
  slotsInAnEpoch?: number;
}

/** Children that still run when the test process ends are ended with it, and what they keep in this directory is gone. */
const running = new Map<ChildProcess, string>();
process.once("exit", () => {
  for (const [child, directory] of running) {
    child.kill("SIGKILL");
    // It may be writing for a moment.
    rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
  }
});
// The test runner ends its processes so, which by itself is no exit.
process.once("SIGTERM", () => process.exit(143));

export class AnvilProcess {
  readonly #options: AnvilOptions;
  readonly #directory: string;
  #child: ChildProcess | null = null;
  #port = 0;

  static async start(options: AnvilOptions = {}): Promise<AnvilProcess> {
    const anvil = new AnvilProcess(options, await mkdtemp(join(tmpdir(), "paybell-anvil-")));
    await anvil.#spawn();
    return anvil;
  }

  private constructor(options: AnvilOptions, directory: string) {
    this.#options = options;
    this.#directory = directory;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get wsUrl(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }

  /** @throws Error with the node's own words */
  async rpc<T>(method: string, ...params: readonly unknown[]): Promise<T> {
    const [result] = await this.rpcBatch<T>([{ method, params }]);
    return result as T;
  }

  async rpcBatch<T>(calls: readonly { method: string; params: readonly unknown[] }[]): Promise<T[]> {
    if (calls.length === 0) return [];
    const response = await fetch(this.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(calls.map((call, id) => ({ jsonrpc: "2.0", id, ...call }))),
    });
    const answers = (await response.json()) as { id: number; result?: T; error?: { message: string } }[];
    return answers
      .sort((a, b) => a.id - b.id)
      .map(({ result, error }, place) => {
        if (error) throw new Error(`${calls[place]?.method}: ${error.message}`);
        return result as T;
      });
  }

  /** Ends and starts again with the chain as it is; what waited for a block is lost. Another port. */
  async restart(): Promise<void> {
    await this.#end("SIGINT");
    await this.#spawn();
  }

  async stop(): Promise<void> {
    await this.#end("SIGKILL");
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #spawn(): Promise<void> {
    const { chainId = 31_337, genesisSeconds, slotsInAnEpoch = 32 } = this.#options;
    const args = ["--host", "127.0.0.1", "--port", "0", "--chain-id", String(chainId), "--accounts", "1"];
    args.push("--no-mining", "--order", "fifo", "--disable-block-gas-limit", "--disable-console-log");
    args.push("--slots-in-an-epoch", String(slotsInAnEpoch), "--preserve-historical-states");
    args.push("--state", join(this.#directory, "state.json"));
    if (genesisSeconds !== undefined) args.push("--timestamp", String(genesisSeconds));
    // It keeps states below its home directory.
    const child = spawn(binary(), args, { env: { HOME: this.#directory }, stdio: ["ignore", "pipe", "pipe"] });
    running.set(child, this.#directory);
    child.once("exit", () => running.delete(child));
    this.#child = child;
    this.#port = await listeningPort(child);
  }

  async #end(signal: "SIGINT" | "SIGKILL"): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
  }
}

/** Resolves when it says on which port it listens. */
function listeningPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let said = "";
    const fail = (why: string) => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      reject(new Error(`anvil has not started (${why}): ${said.slice(-2_000)}`));
    };
    const timer = setTimeout(() => fail(`within ${START_TIMEOUT_MS} ms`), START_TIMEOUT_MS);
    const read = (bytes: Buffer) => {
      if (said.length < 100_000) said += bytes.toString();
      const port = /Listening on 127\.0\.0\.1:(\d+)/.exec(said)?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(Number(port));
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.once("error", (error) => fail(error.message));
    child.once("exit", (code) => fail(`exit code ${code}`));
  });
}

/** Of the package for this machine, not the wrapper, which would have to be ended as well. */
function binary(): string {
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  return createRequire(import.meta.url).resolve(`@foundry-rs/anvil-${process.platform}-${architecture}/bin/anvil`);
}
