/** What the attacks work with: a live server with two merchants, one of them the victim, and clients of every wire. */
import { request as httpRequest } from "node:http";
import { TestClient } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";
import type { CallOptions } from "../http/harness.ts";
import { TestServer } from "../http/harness.ts";

/** A chain that nobody watches: payments on it take any address, and are paid by observations. */
export const CHAINS = { ext: { kind: "external", assets: [{ symbol: "EXT", decimals: 0 }], confirmations: 1 } };

export interface Shop {
  id: string;
  secret: string;
  publishable: string;
}

export class Attack {
  readonly server: TestServer;
  readonly victim: Shop;
  readonly attacker: Shop;
  readonly #clients: TestClient[] = [];
  #made = 0;

  static async start(environment: Record<string, string> = {}, file: object = {}): Promise<Attack> {
    const server = await TestServer.start({ PAYBELL_MODE: "live", ...environment }, { chains: CHAINS, ...file });
    return new Attack(server, await server.merchant("victim"), await server.merchant("attacker"));
  }

  private constructor(server: TestServer, victim: Shop, attacker: Shop) {
    this.server = server;
    this.victim = victim;
    this.attacker = attacker;
  }

  get wsUrl(): string {
    return this.server.url.replace(/^http/, "ws");
  }

  async stop(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.terminate();
    await this.server.stop();
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect to be there.
  payment(fields: object = {}, key = this.victim.secret): Promise<any> {
    this.#made += 1;
    const address = `address-${this.#made}`;
    return this.server.payment({ amount: "10", asset: "EXT", chain: "ext", address, ...fields }, { key });
  }

  async paid(fields: object = {}): Promise<string> {
    const { id } = await this.payment(fields);
    await this.server.post("/v1/observations", observation(id, `tx-${id}`), { key: this.victim.secret });
    return id;
  }

  socket(path: string, headers: Record<string, string> = {}): TestClient {
    const client = new TestClient(this.wsUrl + path, { headers });
    this.#clients.push(client);
    return client;
  }

  async open(path: string, headers: Record<string, string> = {}): Promise<TestClient> {
    const client = this.socket(path, headers);
    await client.opened;
    return client;
  }

  /** The answer to one message on a native WebSocket of this key. */
  async ask(key: string | null, message: object): Promise<Record<string, unknown>> {
    const client = await this.open("/v1/stream", key === null ? {} : { authorization: `Bearer ${key}` });
    client.send(message);
    await until("the answer", () => client.received.length > 0);
    client.terminate();
    return client.messages[0] as Record<string, unknown>;
  }
}

export const observation = (paymentId: string, txId: string) => ({
  paymentId,
  txId,
  index: "0",
  asset: "EXT",
  amount: "10",
  status: "included",
  confirmations: 1,
  blockHash: "hash",
  blockHeight: 1,
});

export interface Answer {
  status: number;
  body: string;
  headers: Record<string, string>;
}

/** Everything of an answer that could tell two cases apart; what differs between any two answers is taken out. */
export async function tellTale(
  server: TestServer,
  method: string,
  path: string,
  options: CallOptions,
): Promise<Answer> {
  const { status, text, headers } = await server.call(method, path, options);
  const changing = ["date", "x-request-id", "keep-alive"];
  const kept = [...headers].filter(([name]) => !changing.includes(name));
  return { status, body: text, headers: Object.fromEntries(kept) };
}

/** A request with whatever `Host` header: `fetch` does not let one choose it. */
export function withHost(url: string, host: string, path = "/healthz"): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(url + path, { headers: { host }, agent: false }, (answer) => {
      let body = "";
      answer.on("data", (chunk: Buffer) => (body += chunk.toString()));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body }));
      answer.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}
