/**
 * A provider between a watcher and a real Ethereum node: JSON-RPC over HTTP, with the faults that providers have. What it
 * passes on comes from the node; what it withholds or changes is the fault.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { performance } from "node:perf_hooks";

/**
 * `stalled`: takes the question and never answers. `stalled-midway`: begins to. `busy`: 429 with Retry-After. `down`: cuts
 * the line. `stale`: a cache that no longer hears of new blocks. `forked`: its last blocks are others than the node's, and
 * it is one block behind. `pruned`: has no block below the height at which it was made so. `other-network`: another chain
 * id. `babbling`: answers with a page.
 */
export const FAULTS = [
  "stalled",
  "stalled-midway",
  "busy",
  "down",
  "stale",
  "forked",
  "pruned",
  "other-network",
  "babbling",
] as const;
export type ProviderFault = (typeof FAULTS)[number];

const RETRY_AFTER_SECONDS = 1;
const ON_THE_WAY_MS = 300;
const ROUNDED_MS = 5;

interface Call {
  id: unknown;
  method: string;
  params?: unknown[];
}
interface Answer {
  id: unknown;
  result?: unknown;
  error?: object;
}

export class FaultyProvider {
  /** Questions that came although it had asked to be left alone. */
  impolite = 0;
  questions = 0;
  readonly #upstream: string;
  readonly #server: Server;
  #fault: ProviderFault | null = null;
  /** The node's height when the fault began. */
  #sinceHeight = 0;
  #refusedAt = Number.NEGATIVE_INFINITY;

  static async start(upstream: string): Promise<FaultyProvider> {
    const provider = new FaultyProvider(upstream);
    provider.#server.listen(0, "127.0.0.1");
    await once(provider.#server, "listening");
    return provider;
  }

  private constructor(upstream: string) {
    this.#upstream = upstream;
    this.#server = createServer((request, response) => {
      // Whoever asked hears of trouble behind as of a line that breaks.
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** `null`: as good as the node itself. */
  async become(fault: ProviderFault | null): Promise<void> {
    const [height] = await this.#ask([{ id: 1, method: "eth_blockNumber", params: [] }]);
    this.#sinceHeight = Number(height?.result);
    this.#fault = fault;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.questions += 1;
    if (this.#isLeftAlone(performance.now())) this.impolite += 1;
    let text = "";
    for await (const part of request) text += part;
    const fault = this.#fault;
    if (fault === "stalled") return;
    if (fault === "down") return void request.socket.resetAndDestroy();
    if (fault === "busy") return this.#refuse(response);
    if (fault === "babbling") return void response.end("<html>Sign in to go on</html>");
    const asked = JSON.parse(text) as Call | Call[];
    const answers = await this.#through([asked].flat(), fault);
    const body = JSON.stringify(Array.isArray(asked) ? answers : answers[0]);
    response.writeHead(200, { "content-type": "application/json" });
    if (fault === "stalled-midway") response.write(body.slice(0, body.length / 2));
    else response.end(body);
  }

  #refuse(response: ServerResponse): void {
    this.#refusedAt = performance.now();
    response.writeHead(429, { "retry-after": String(RETRY_AFTER_SECONDS) }).end();
  }

  /** Not while the refusal is on its way and other questions are too; and clocks count whole milliseconds. */
  #isLeftAlone(now: number): boolean {
    const sinceMs = now - this.#refusedAt;
    return sinceMs > ON_THE_WAY_MS && sinceMs < RETRY_AFTER_SECONDS * 1_000 - ROUNDED_MS;
  }

  async #through(calls: readonly Call[], fault: ProviderFault | null): Promise<Answer[]> {
    if (fault === "other-network") {
      return (await this.#ask(calls)).map((answer, place) =>
        calls[place]?.method === "eth_chainId" ? { id: answer.id, result: "0x7e57" } : answer,
      );
    }
    if (fault === "pruned") return this.#pruned(calls);
    if (fault === "stale") return this.#upTo(calls, this.#sinceHeight);
    if (fault === "forked") return this.#forked(calls);
    return this.#ask(calls);
  }

  async #pruned(calls: readonly Call[]): Promise<Answer[]> {
    const answers = await this.#ask(calls);
    return answers.map((answer, place) => {
      const height = heightAsked(calls[place]);
      if (height === null || height >= this.#sinceHeight) return answer;
      return { id: answer.id, error: { code: 4444, message: "pruned history unavailable" } };
    });
  }

  /** The chain ends at this height. */
  async #upTo(calls: readonly Call[], end: number): Promise<Answer[]> {
    const answers = await this.#ask(calls.map((call) => withLatest(call, end)));
    return answers.map((answer, place) => {
      const height = heightAsked(calls[place]);
      if (calls[place]?.method === "eth_blockNumber") return { id: answer.id, result: hex(end) };
      return height !== null && height > end ? { id: answer.id, result: null } : answer;
    });
  }

  /** From the block before the one at which it began on, all blocks are others, and empty. */
  async #forked(calls: readonly Call[]): Promise<Answer[]> {
    const [latest] = await this.#ask([{ id: 1, method: "eth_blockNumber", params: [] }]);
    const answers = await this.#upTo(calls, Number(latest?.result) - 1);
    return answers.map((answer) => {
      const block = answer.result as { number?: string; hash: string; parentHash: string } | null | undefined;
      if (block?.number === undefined || Number(block.number) < this.#sinceHeight - 1) return answer;
      const isFirst = Number(block.number) === this.#sinceHeight - 1;
      const parentHash = isFirst ? block.parentHash : other(block.parentHash);
      const logsBloom = `0x${"0".repeat(512)}`;
      return { id: answer.id, result: { ...block, hash: other(block.hash), parentHash, transactions: [], logsBloom } };
    });
  }

  async #ask(calls: readonly Call[]): Promise<Answer[]> {
    const answer = await fetch(this.#upstream, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(calls.map((call) => ({ jsonrpc: "2.0", ...call }))),
    });
    const byId = new Map(((await answer.json()) as Answer[]).map((one) => [one.id, one]));
    return calls.map(({ id }) => ({ jsonrpc: "2.0", ...byId.get(id), id }));
  }
}

const hex = (height: number): string => `0x${height.toString(16)}`;
const other = (hash: string): string => `0xf0${hash.slice(4)}`;

/** `null`: it does not ask for a block of a certain height. */
function heightAsked(call: Call | undefined): number | null {
  const [which] = call?.params ?? [];
  return call?.method === "eth_getBlockByNumber" && /^0x[0-9a-f]+$/.test(String(which)) ? Number(which) : null;
}

function withLatest(call: Call, end: number): Call {
  const [which, ...rest] = call.params ?? [];
  return call.method === "eth_getBlockByNumber" && which === "latest" ? { ...call, params: [hex(end), ...rest] } : call;
}
