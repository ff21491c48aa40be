/** One node of a cluster: a server process with a network of its own to what it needs, looked at as a balancer would. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type ExitStatus, ServerProcess } from "../server-process.ts";
import type { FrontNode } from "./front.ts";
import { NetworkLink } from "./network-link.ts";
import { namedIn } from "./watch-audit.ts";

/** What a node says of itself at `/readyz`. */
export interface Standing {
  status: "ready" | "degraded" | "not_ready" | "stopping";
  chains: readonly { chain: string; role?: "leader" | "standby" }[];
}

export interface NodeOptions {
  name: string;
  databaseUrl: string;
  redisUrl: string;
  config: object;
}

/** As an operator's balancer asks, ms. */
const CHECK_INTERVAL_MS = 150;
const CHECK_TIMEOUT_MS = 1_000;
const READY_TIMEOUT_MS = 60_000;

export class ClusterNode implements FrontNode {
  readonly name: string;
  readonly toDatabase: NetworkLink;
  readonly toRedis: NetworkLink;
  /** Its last answer; `null`: none in time. */
  standing: Standing | null = null;
  isPaused = false;
  readonly #process: ServerProcess;
  readonly #directory: string;
  #closed = false;
  readonly #checking: Promise<void>;

  private constructor(
    name: string,
    process: ServerProcess,
    directory: string,
    links: Pick<ClusterNode, "toDatabase" | "toRedis">,
  ) {
    this.name = name;
    this.#process = process;
    this.#directory = directory;
    this.toDatabase = links.toDatabase;
    this.toRedis = links.toRedis;
    this.#checking = this.#check();
  }

  static async start({ name, databaseUrl, redisUrl, config }: NodeOptions): Promise<ClusterNode> {
    const directory = await mkdtemp(join(tmpdir(), "paybell-node-"));
    await writeFile(join(directory, "paybell.config.json"), JSON.stringify(config));
    const toDatabase = await NetworkLink.to(Number(new URL(databaseUrl).port));
    const toRedis = await NetworkLink.to(Number(new URL(redisUrl).port));
    const env = {
      PAYBELL_DATABASE_URL: namedIn(toDatabase.through(databaseUrl), name),
      PAYBELL_REDIS_URL: toRedis.through(redisUrl),
    };
    const process = await ServerProcess.start({ env, dataDir: directory, readyTimeoutMs: READY_TIMEOUT_MS });
    return new ClusterNode(name, process, directory, { toDatabase, toRedis });
  }

  get port(): number {
    return this.#process.port;
  }

  get url(): string {
    return this.#process.url;
  }

  get output(): string {
    return this.#process.output;
  }

  get isRunning(): boolean {
    return this.#process.pid !== undefined;
  }

  get isReady(): boolean {
    return this.standing?.status === "ready" || this.standing?.status === "degraded";
  }

  leads(chain: string): boolean {
    return this.standing?.chains.some((each) => each.chain === chain && each.role === "leader") ?? false;
  }

  async kill9(): Promise<void> {
    await this.#process.kill9();
    this.isPaused = false;
    this.standing = null;
  }

  /** SIGTERM. */
  stop(): Promise<ExitStatus> {
    return this.#process.stop();
  }

  restart(): Promise<void> {
    return this.#process.restart();
  }

  /** Stops the process where it stands, as a machine does that is out of memory or being moved. */
  pause(): void {
    this.#signal("SIGSTOP");
    this.isPaused = true;
  }

  resume(): void {
    this.#signal("SIGCONT");
    this.isPaused = false;
  }

  /** What `/metrics` says, as text. */
  async metrics(): Promise<string> {
    const answer = await fetch(`${this.url}/metrics`, { signal: AbortSignal.timeout(CHECK_TIMEOUT_MS) });
    return answer.text();
  }

  async dispose(): Promise<void> {
    this.#closed = true;
    await this.#process.dispose();
    await this.#checking;
    await this.toDatabase.close();
    await this.toRedis.close();
    await rm(this.#directory, { recursive: true, force: true });
  }

  #signal(name: NodeJS.Signals): void {
    const { pid } = this.#process;
    if (pid === undefined) throw new Error(`${this.name} does not run.`);
    process.kill(pid, name);
  }

  async #check(): Promise<void> {
    while (!this.#closed) {
      this.standing = await this.#ask();
      await sleep(CHECK_INTERVAL_MS);
    }
  }

  async #ask(): Promise<Standing | null> {
    if (!this.isRunning) return null;
    try {
      const answer = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(CHECK_TIMEOUT_MS) });
      return (await answer.json()) as Standing;
    } catch {
      // Nobody there, or nobody awake: not ready.
      return null;
    }
  }
}
