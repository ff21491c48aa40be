/** The server under test: what `npm start` runs, in the sandbox, on its own core, on an empty store. */
import { Agent, request } from "node:http";
import { ServerProcess } from "../packages/server/testkit/server-process.ts";
import { pinProcess } from "./cores.ts";
import { linesFile } from "./temporary.ts";

export const SECRET_KEY = "sk_sandbox_paybell";
const MERCHANT_ID = "sandbox";
/** Requests under way while something is prepared. */
const PREPARING = 32;

export const AUTHORIZATION = `Authorization: Bearer ${SECRET_KEY}`;
export const MERCHANT_TOPIC = `merchant:${MERCHANT_ID}`;
/** The time at which an observation was sent is in its transaction id, and so in the frame that tells of it. */
export const STAMP = '"txId":"bench-';

export class Paybell {
  readonly #server: ServerProcess;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: PREPARING });

  private constructor(server: ServerProcess) {
    this.#server = server;
  }

  /** @param environment beside what every server here is given */
  static async start(environment: Readonly<Record<string, string>> = {}): Promise<Paybell> {
    const env = { PAYBELL_LOG_LEVEL: "error", ...environment };
    const server = await ServerProcess.start({ env, args: ["--quiet"] });
    const { pid } = server;
    if (pid === undefined) throw new Error(`The server is gone.\n${server.output}`);
    pinProcess("server", pid);
    return new Paybell(server);
  }

  get port(): number {
    return this.#server.port;
  }

  get pid(): number {
    const { pid } = this.#server;
    if (pid === undefined) throw new Error(`The server is gone.\n${this.#server.output}`);
    return pid;
  }

  /** Payments without an amount: each transfer to them is an event of its own, and they never end. */
  createStanding(count: number): Promise<string[]> {
    return this.#create(count, { amount: null });
  }

  createDue(count: number, amount: string): Promise<string[]> {
    return this.#create(count, { amount });
  }

  /** Answers other than 2xx are thrown. */
  post<T>(path: string, body: object): Promise<T> {
    const payload = JSON.stringify(body);
    const headers = {
      authorization: `Bearer ${SECRET_KEY}`,
      "content-type": "application/json",
      "content-length": Buffer.byteLength(payload),
    };
    const { port } = this;
    return new Promise((resolve, reject) => {
      const call = request({ host: "127.0.0.1", port, path, method: "POST", headers, agent: this.#agent }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("error", reject);
        answer.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          if (Math.floor((answer.statusCode ?? 0) / 100) === 2) resolve(JSON.parse(text) as T);
          else reject(new Error(`POST ${path}: ${answer.statusCode} ${text}`));
        });
      });
      call.on("error", reject);
      call.end(payload);
    });
  }

  async get<T>(path: string): Promise<T> {
    const headers = { authorization: `Bearer ${SECRET_KEY}` };
    const answer = await fetch(`${this.#server.url}${path}`, { headers });
    if (!answer.ok) throw new Error(`GET ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  /** `make` for 0 … count − 1, some at a time. */
  async each<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
    const made: T[] = new Array<T>(count);
    let next = 0;
    const work = async () => {
      while (next < count) {
        const index = next;
        next += 1;
        made[index] = await make(index);
      }
    };
    await Promise.all(Array.from({ length: PREPARING }, work));
    return made;
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    await this.#server.dispose();
  }

  async #create(count: number, what: { amount: string | null }): Promise<string[]> {
    const body = { ...what, asset: "SBX", chain: "sandbox" };
    const made = await this.each(count, () => this.post<{ id: string }>("/v1/payments", body));
    return made.map(({ id }) => id);
  }
}

/** Runs with a fresh server, which is ended whatever happens. */
export async function withPaybell<T>(use: (paybell: Paybell) => Promise<T>): Promise<T> {
  const paybell = await Paybell.start();
  try {
    return await use(paybell);
  } finally {
    await paybell.stop();
  }
}

/** `--items` of httpload: a new transfer to each of these payments in turn. */
export function observationItems(paymentIds: readonly string[]): string {
  return linesFile(
    paymentIds.map((paymentId) =>
      JSON.stringify({
        paymentId,
        txId: "bench-{now}-{n}",
        index: "0",
        asset: "SBX",
        amount: "1000000",
        status: "seen",
        confirmations: 0,
      }),
    ),
  );
}

/** `--targets` of wsload: native clients that each follow one of these topics, in turn. */
export function nativeTargets(topics: readonly string[], more: { after?: string; key?: boolean } = {}): string {
  const auth = more.key ? `\t${JSON.stringify({ type: "auth", key: SECRET_KEY })}` : "";
  return linesFile(
    topics.map((topic) => {
      const subscribe = JSON.stringify({ type: "subscribe", topic, ...(more.after ? { after: more.after } : {}) });
      return `/v1/stream${auth}\t${subscribe}`;
    }),
  );
}
