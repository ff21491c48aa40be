/** The whole server in this process, on a real socket and a real database in a directory of its own. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ErrorBody } from "@paybell/protocol";
import { createLogger } from "../../src/cli/logger.ts";
import { withDatabase } from "../../src/cli/with-database.ts";
import type { Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { createKey, keyRow, SANDBOX_SECRET_KEY } from "../../src/http/keys.ts";
import { type Clock, systemClock } from "../../src/kit/clock.ts";
import type { ApiKey } from "../../src/log/store.ts";
import { type RunningServer, startServer } from "../../src/main.ts";

export interface CallOptions {
  /** A Bearer key; `null`: none. Left out: the sandbox's secret key. */
  key?: string | null;
  /** Sent as JSON; a string is sent as it is. */
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Called {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect to be there.
  json: any;
}

export class TestServer {
  readonly config: Config;
  readonly #server: RunningServer;
  readonly #dir: string;
  readonly #logged: string[];

  private constructor(config: Config, server: RunningServer, dir: string, logged: string[]) {
    this.config = config;
    this.#server = server;
    this.#dir = dir;
    this.#logged = logged;
  }

  /** @param file what stands in paybell.config.json
   * @param clock left out: the system's */
  static async start(
    environment: Record<string, string> = {},
    file: object = {},
    clock: Clock = systemClock,
  ): Promise<TestServer> {
    const dir = await mkdtemp(join(tmpdir(), "paybell-http-"));
    await writeFile(join(dir, "paybell.config.json"), JSON.stringify(file));
    const config = loadConfig({
      configFile: null,
      environment: { PAYBELL_PORT: "0", PAYBELL_LOG_LEVEL: "info", ...environment },
      flags: {},
      cwd: dir,
    });
    const logged: string[] = [];
    const server = await startServer(config, {
      logger: createLogger(config.logLevel, { write: (line) => void logged.push(line) }),
      version: "0.0.0-test",
      clock,
      onFatal: (error) => {
        throw error;
      },
    });
    return new TestServer(config, server, dir, logged);
  }

  get url(): string {
    return this.#server.url;
  }

  /** Every line that was logged. */
  get log(): string {
    return this.#logged.join("");
  }

  async stop(): Promise<void> {
    await this.#server.stop();
    await rm(this.#dir, { recursive: true, force: true });
  }

  async call(method: string, path: string, options: CallOptions = {}): Promise<Called> {
    const { key = SANDBOX_SECRET_KEY, body, headers = {} } = options;
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json");
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: isJson && text !== "" ? JSON.parse(text) : null,
    };
  }

  get(path: string, options?: CallOptions): Promise<Called> {
    return this.call("GET", path, options);
  }

  post(path: string, body: unknown, options?: CallOptions): Promise<Called> {
    return this.call("POST", path, { body, ...options });
  }

  /** A new payment of 1.5 SBX, or what `fields` say. */
  // biome-ignore lint/suspicious/noExplicitAny: as `Called.json`.
  async payment(fields: Record<string, unknown> = {}, options?: CallOptions): Promise<any> {
    const answer = await this.post("/v1/payments", { ...PAYMENT, ...fields }, options);
    if (answer.status !== 201) throw new Error(answer.text);
    return answer.json;
  }

  /** Another merchant, made while the server runs, and his keys. */
  merchant(id: string): Promise<{ id: string; secret: string; publishable: string; rows: readonly ApiKey[] }> {
    const { mode } = this.config;
    const [secret, publishable] = [createKey("secret", mode), createKey("publishable", mode)];
    const rows = [
      keyRow(secret, { merchantId: id, kind: "secret", createdAtMs: 0 }),
      keyRow(publishable, { merchantId: id, kind: "publishable", createdAtMs: 0 }),
    ];
    return withDatabase(this.config, async ({ merchants }) => {
      await merchants.createMerchant({ id, name: id, createdAtMs: 0, xpubs: {} });
      for (const row of rows) await merchants.createKey(row);
      return { id, secret, publishable, rows };
    });
  }
}

export const PAYMENT = { amount: "1500000", asset: "SBX", chain: "sandbox" };

/** The code of an error answer, after checking that it has the one form that errors have. */
export function codeOf(answer: Called): string {
  const { error, ...rest } = answer.json as ErrorBody;
  if (Object.keys(rest).length > 0 || typeof error.message !== "string") throw new Error(answer.text);
  return `${answer.status} ${error.code}`;
}
