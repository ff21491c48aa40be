/**
 * The real server as a child process, for tests that need to end it the hard way: `kill9()`, then `restart()` on the
 * same directory and port, as an operator's supervisor would.
 *
 * It runs what `npm start` runs, on 127.0.0.1, in a temporary data directory that `dispose()` removes.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { withoutPaybell } from "./environment.ts";

const CLI = fileURLToPath(new URL("../src/cli/paybell.ts", import.meta.url));
/** The server's last output that an error message quotes. */
const OUTPUT_KEPT_CHARS = 20_000;
const POLL_INTERVAL_MS = 25;

export interface ServerProcessOptions {
  /** Added to the environment, over the defaults (`PAYBELL_MODE` sandbox, host, port, data directory). */
  env?: Record<string, string>;
  /** Added behind `paybell start`. */
  args?: string[];
  /** Kept by `dispose()` when given; otherwise a temporary one is made and removed. */
  dataDir?: string;
  /** On which it listens; a free one is chosen where none is given. */
  port?: number;
  /** Time from spawn to a good `/readyz`. */
  readyTimeoutMs?: number;
  /** Time from SIGTERM to the end of the process. */
  stopTimeoutMs?: number;
}

export interface ExitStatus {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Whoever ends the test run must not leave servers behind. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export class ServerProcess {
  readonly port: number;
  readonly dataDir: string;
  readonly #options: ServerProcessOptions;
  #child: ChildProcess | null = null;
  #exited: Promise<ExitStatus> = Promise.resolve({ code: null, signal: null });
  #output = "";

  private constructor(port: number, dataDir: string, options: ServerProcessOptions) {
    this.port = port;
    this.dataDir = dataDir;
    this.#options = options;
  }

  /** Starts a server and resolves when `/readyz` answers 200. Throws with the server's output when it does not. */
  static async start(options: ServerProcessOptions = {}): Promise<ServerProcess> {
    const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "paybell-server-")));
    const server = new ServerProcess(options.port ?? (await freePort()), dataDir, options);
    try {
      await server.restart();
    } catch (error) {
      await server.dispose();
      throw error;
    }
    return server;
  }

  /** `https` where `env` names a certificate (`PAYBELL_TLS_CERT`), which this process must then trust. */
  get url(): string {
    return `http${this.#s}://${this.host}`;
  }

  get wsUrl(): string {
    return `ws${this.#s}://${this.host}`;
  }

  /** `127.0.0.1:port`, to stand in a document's sample in place of the real service's host. */
  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Standard output and error of every run so far, the last part of it. */
  get output(): string {
    return this.#output;
  }

  /** Starts it (again) on the same port and data directory. Throws if it is still running. */
  async restart(): Promise<void> {
    if (this.#child !== null) throw new Error(`The server still runs as process ${this.#child.pid}; end it first.`);
    const exited = this.#spawn();
    let status: ExitStatus | undefined;
    exited.then((ended) => {
      status = ended;
    });
    const timeoutMs = this.#options.readyTimeoutMs ?? 45_000;
    const deadline = Date.now() + timeoutMs;
    while (Date.now() < deadline) {
      if (status) throw new Error(`The server ended at start (${describe(status)}).\n${this.#output}`);
      if (await this.#isReady()) return;
      await delay(POLL_INTERVAL_MS);
    }
    await this.kill9();
    throw new Error(`The server was not ready within ${timeoutMs} ms.\n${this.#output}`);
  }

  /** SIGKILL: no chance to finish anything. Resolves when the process is gone. */
  async kill9(): Promise<ExitStatus> {
    this.#child?.kill("SIGKILL");
    return this.#exited;
  }

  /** SIGTERM and a graceful end. Throws (after a SIGKILL) when the server does not end in time. */
  async stop(): Promise<ExitStatus> {
    const timeoutMs = this.#options.stopTimeoutMs ?? 20_000;
    this.#child?.kill("SIGTERM");
    const abort = new AbortController();
    const late = delay(timeoutMs, "late" as const, { signal: abort.signal }).catch(() => "late" as const);
    const first = await Promise.race([this.#exited, late]);
    abort.abort();
    if (first !== "late") return first;
    await this.kill9();
    throw new Error(`The server did not stop within ${timeoutMs} ms of SIGTERM.\n${this.#output}`);
  }

  /** Resolves when the process ended, for whatever reason. */
  exited(): Promise<ExitStatus> {
    return this.#exited;
  }

  /** Ends it if it runs and removes the temporary data directory. */
  async dispose(): Promise<void> {
    await this.kill9();
    if (this.#options.dataDir === undefined) await rm(this.dataDir, { recursive: true, force: true });
  }

  get #s(): string {
    return this.#options.env?.PAYBELL_TLS_CERT === undefined ? "" : "s";
  }

  #spawn(): Promise<ExitStatus> {
    const args = ["--conditions=@paybell/source", CLI, "start", ...(this.#options.args ?? [])];
    const child = spawn(process.execPath, args, {
      cwd: this.dataDir,
      env: { ...withoutPaybell(), ...this.#defaults(), ...this.#options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const keep = (chunk: Buffer) => {
      this.#output = (this.#output + chunk.toString()).slice(-OUTPUT_KEPT_CHARS);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    running.add(child);
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      const ended = (status: ExitStatus) => {
        running.delete(child);
        this.#child = null;
        resolve(status);
      };
      child.once("exit", (code, signal) => ended({ code, signal }));
      child.once("error", (error) => {
        this.#output += `\n${error.message}`;
        ended({ code: null, signal: null });
      });
    });
    return this.#exited;
  }

  #defaults(): Record<string, string> {
    return {
      NO_COLOR: "1",
      PAYBELL_MODE: "sandbox",
      PAYBELL_HOST: "127.0.0.1",
      PAYBELL_PORT: String(this.port),
      PAYBELL_DATA_DIR: this.dataDir,
    };
  }

  async #isReady(): Promise<boolean> {
    try {
      const answer = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(1_000) });
      await answer.arrayBuffer();
      return answer.status === 200;
    } catch {
      // Not listening yet: the loop asks again until the deadline, and its error shows the server's output.
      return false;
    }
  }
}

/** A port that nobody listens on at this moment. Chosen before the start, so that a restart finds the same one. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === "string") throw new Error("No port on 127.0.0.1 could be opened.");
  return address.port;
}

function describe(status: ExitStatus): string {
  return status.signal ? `signal ${status.signal}` : `exit code ${status.code}`;
}
