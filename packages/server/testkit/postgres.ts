/**
 * A PostgreSQL of the tests' own: the one that `npm test` has provided, in a temporary directory, on the loopback address,
 * with everything that makes it safe switched on and everything that makes it large switched off.
 *
 * It is tied to this process by a pipe: however this process ends, the server ends too and its directory goes.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, readFileSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll } from "vitest";
import { PROGRAMS, requireProgram, UNPRIVILEGED } from "../../../tools/provision/programs.ts";
import { freePort } from "./server-process.ts";

export interface PostgresServer {
  port: number;
  /** Of its keeper, whose child it is. */
  pid: number;
  /** Of a new, empty database. */
  createDatabase(): Promise<string>;
  /** Of the database in which others are made. */
  adminUrl: string;
  dropDatabase(url: string): Promise<void>;
  /** Ends it as a crash would, without warning and without tidying up. */
  crash(): Promise<void>;
  /** Starts it again after `crash`, on the same port and data. */
  restart(settings?: Readonly<Record<string, string>>): Promise<void>;
  /** Ends it and deletes its directory. */
  stop(): Promise<void>;
}

const USER = "paybell";
const START_TIMEOUT_MS = 60_000;

/** What makes it start fast and stay small; durability is PostgreSQL's default, which is on. */
const SETTINGS = {
  listen_addresses: "127.0.0.1",
  shared_buffers: "64MB",
  max_connections: "100",
  max_wal_size: "256MB",
};

/**
 * Serves until its standard input closes, which happens when whoever started it is gone; `crash` kills the server alone,
 * and the script waits for the next order. As shell: no Node process more per server.
 */
const KEEPER = `
serve() { "$BIN/postgres" -D "$DIR/data" -k "$DIR" -p "$PORT" $SETTINGS "$@" <&- >>"$DIR/log" 2>&1 & server=$!; }
finish() { kill -QUIT "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$DIR"; exit 0; }
trap finish TERM INT HUP
"$BIN/initdb" -D "$DIR/data" -U "$DBUSER" -A trust -E UTF8 --locale=C --no-sync >"$DIR/initdb.log" 2>&1 || { cat "$DIR/initdb.log" >&2; rm -rf "$DIR"; exit 1; }
serve
while read -r order rest; do
  case "$order" in
    crash) kill -QUIT "$server"; wait "$server" 2>/dev/null; echo crashed ;;
    start) eval "serve $rest" ; echo started ;;
  esac
done
finish
`;

/** @param bin the folder of its programs, where it is to be another one than that which was provided */
export async function startPostgres(
  bin = dirname(realpathSync(requireProgram(PROGRAMS.postgres))),
): Promise<PostgresServer> {
  const dir = mkdtempSync(join(tmpdir(), "paybell-postgres-"));
  chmodSync(dir, 0o700);
  // PostgreSQL refuses to run as root.
  const asRoot = process.getuid?.() === 0;
  if (asRoot) chownSync(dir, UNPRIVILEGED.uid, UNPRIVILEGED.gid);
  const port = await freePort();
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const keeper = spawn("sh", ["-c", KEEPER], {
    stdio: ["pipe", "pipe", "inherit"],
    cwd: dir,
    env: { ...process.env, BIN: bin, DIR: dir, PORT: `${port}`, DBUSER: USER, SETTINGS: settings.join(" ") },
    ...(asRoot ? UNPRIVILEGED : {}),
  });
  const server = new RunningPostgres(keeper, port, join(dir, "log"));
  try {
    await server.ready();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** One server for the tests of a file. */
export function usePostgres(): () => PostgresServer {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());
  return () => server;
}

class RunningPostgres implements PostgresServer {
  readonly port: number;
  readonly pid: number;
  readonly adminUrl: string;
  readonly #keeper: ChildProcess;
  readonly #gone: Promise<void>;
  readonly #logFile: string;
  #hasEnded = false;
  #databases = 0;

  constructor(keeper: ChildProcess, port: number, logFile: string) {
    this.#keeper = keeper;
    this.pid = keeper.pid as number;
    this.port = port;
    this.#logFile = logFile;
    this.adminUrl = this.#urlOf("postgres");
    this.#gone = new Promise((resolve) => {
      keeper.once("close", () => {
        this.#hasEnded = true;
        resolve();
      });
    });
  }

  async ready(): Promise<void> {
    const giveUpAtMs = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      if (this.#hasEnded) throw new Error("PostgreSQL ended while it was started; its reason stands above.");
      const client = new pg.Client({ connectionString: this.adminUrl });
      // Reported by `connect` too.
      client.on("error", () => undefined);
      try {
        await client.connect();
        return;
      } catch (error) {
        if (Date.now() > giveUpAtMs) throw new Error(`PostgreSQL does not start: ${this.#log()}`, { cause: error });
        await sleep(50);
      } finally {
        await client.end();
      }
    }
  }

  async createDatabase(): Promise<string> {
    this.#databases += 1;
    const name = `test_${process.pid}_${this.#databases}`;
    await this.#asAdmin(`CREATE DATABASE ${name}`);
    return this.#urlOf(name);
  }

  dropDatabase(url: string): Promise<void> {
    return this.#asAdmin(`DROP DATABASE ${new URL(url).pathname.slice(1)} WITH (FORCE)`);
  }

  async crash(): Promise<void> {
    await this.#order("crash", "crashed");
  }

  async restart(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    const given = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
    await this.#order(`start ${given.join(" ")}`, "started");
    await this.ready();
  }

  async stop(): Promise<void> {
    this.#keeper.stdin?.end();
    await this.#gone;
  }

  #log(): string {
    return readFileSync(this.#logFile, "utf8").split("\n").slice(-20).join("\n");
  }

  #urlOf(database: string): string {
    return `postgres://${USER}@127.0.0.1:${this.port}/${database}`;
  }

  async #asAdmin(sql: string): Promise<void> {
    const client = new pg.Client({ connectionString: this.adminUrl });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  }

  async #order(order: string, answer: string): Promise<void> {
    const answered = new Promise<void>((resolve, reject) => {
      this.#keeper.stdout?.once("data", (said: Buffer) => {
        if (said.toString().trim() === answer) resolve();
        else reject(new Error(`The keeper of PostgreSQL said "${said}".`));
      });
    });
    this.#keeper.stdin?.write(`${order}\n`);
    await answered;
  }
}
