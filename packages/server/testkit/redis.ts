/**
 * A Redis of the tests' own: the one that `npm test` has provided, in a temporary directory, on the loopback address, keeping
 * nothing. It is tied to this process by a pipe: however this process ends, the server ends too and its directory goes.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { PROGRAMS, requireProgram } from "../../../tools/provision/programs.ts";
import { selfSigned } from "./self-signed.ts";
import { freePort } from "./server-process.ts";
import { until } from "./until.ts";

export interface RedisSettings {
  /** Asked of everybody. */
  password?: string;
  /** TLS, with a certificate that signs itself; `certFile` has it. */
  tls?: boolean;
}

/** `crash` and `restart`: without warning, and again on the same port. `pause` and `resume`: it is there and says nothing. */
const ORDERS = ["crash", "restart", "pause", "resume"] as const;
type Order = (typeof ORDERS)[number];

const KEEPER = `
serve() { "$REDIS" "$DIR/redis.conf" <&- >>"$DIR/log" 2>&1 & server=$!; }
finish() { kill -KILL "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$DIR"; exit 0; }
trap finish TERM INT HUP
serve
while read -r order; do
  case "$order" in
    crash) kill -KILL "$server"; wait "$server" 2>/dev/null ;;
    restart) serve ;;
    pause) kill -STOP "$server" ;;
    resume) kill -CONT "$server" ;;
  esac
  echo "$order"
done
finish
`;

export class RedisServer implements Record<Order, () => Promise<void>> {
  readonly port: number;
  /** As `PAYBELL_REDIS_URL`. */
  readonly url: string;
  readonly certFile: string;
  readonly #keeper: ChildProcess;
  readonly #gone: Promise<void>;
  readonly #directory: string;
  #starts = 1;

  private constructor(keeper: ChildProcess, port: number, directory: string, { password, tls }: RedisSettings) {
    this.#keeper = keeper;
    this.port = port;
    this.url = `redis${tls ? "s" : ""}://${password ? `:${encodeURIComponent(password)}@` : ""}127.0.0.1:${port}`;
    this.#directory = directory;
    this.certFile = join(directory, "cert.pem");
    this.#gone = new Promise((resolve) => keeper.once("close", () => resolve()));
  }

  /** Of its keeper, whose child it is. */
  get pid(): number {
    return this.#keeper.pid as number;
  }

  static async start(settings: RedisSettings = {}): Promise<RedisServer> {
    const directory = mkdtempSync(join(tmpdir(), "paybell-redis-"));
    const port = await freePort();
    writeFileSync(join(directory, "redis.conf"), configuration(port, directory, settings));
    writeFileSync(join(directory, "log"), "");
    const keeper = spawn("sh", ["-c", KEEPER], {
      stdio: ["pipe", "pipe", "inherit"],
      cwd: directory,
      env: { ...process.env, REDIS: requireProgram(PROGRAMS.redis), DIR: directory },
    });
    const server = new RedisServer(keeper, port, directory, settings);
    try {
      await server.#ready();
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  crash(): Promise<void> {
    return this.#order("crash");
  }

  async restart(): Promise<void> {
    this.#starts += 1;
    await this.#order("restart");
    await this.#ready();
  }

  pause(): Promise<void> {
    return this.#order("pause");
  }

  resume(): Promise<void> {
    return this.#order("resume");
  }

  /** The same server, through a proxy. */
  through(proxyPort: number): string {
    const changed = new URL(this.url);
    changed.port = String(proxyPort);
    return changed.href;
  }

  /** Ends it and deletes its directory. */
  async stop(): Promise<void> {
    this.#keeper.stdin?.end();
    await this.#gone;
  }

  async #ready(): Promise<void> {
    const log = () => readFileSync(join(this.#directory, "log"), "utf8");
    await until(
      () => `Redis starts: ${log()}`,
      () => log().split("Ready to accept connections").length > this.#starts,
    );
  }

  async #order(order: Order): Promise<void> {
    const answered = new Promise<void>((resolve) => this.#keeper.stdout?.once("data", () => resolve()));
    this.#keeper.stdin?.write(`${order}\n`);
    await answered;
  }
}

/** One server for the tests of a file. */
export function useRedis(settings?: RedisSettings): () => RedisServer {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start(settings);
  });
  afterAll(() => server?.stop());
  return () => server;
}

function configuration(port: number, directory: string, { password, tls }: RedisSettings): string {
  const lines = ["bind 127.0.0.1", `dir ${directory}`, 'save ""', "appendonly no", "daemonize no"];
  if (password !== undefined) lines.push(`requirepass "${password}"`);
  if (!tls) return [...lines, `port ${port}`, ""].join("\n");
  const { cert, key } = selfSigned();
  writeFileSync(join(directory, "cert.pem"), cert);
  writeFileSync(join(directory, "key.pem"), key);
  const files = [`tls-cert-file ${directory}/cert.pem`, `tls-key-file ${directory}/key.pem`, "tls-auth-clients no"];
  return [...lines, "port 0", `tls-port ${port}`, ...files, ""].join("\n");
}
