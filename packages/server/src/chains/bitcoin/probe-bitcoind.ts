/** One look at a bitcoind and at what it publishes over ZMQ, for `paybell doctor`. */
import { connect } from "node:net";
import { performance } from "node:perf_hooks";
import type { Clock } from "../../kit/clock.ts";
import { messageOf } from "../../kit/errors.ts";
import type { EndpointReading } from "../probe.ts";
import { Bitcoind } from "./bitcoind.ts";
import type { BitcoinFacts } from "./facts.ts";
import { NodeCheck } from "./node-check.ts";
import { RpcClient } from "./rpc.ts";
import type { ZmqEndpoints } from "./zmq-feed.ts";

export interface ProbeBitcoindOptions {
  rpcUrl: string;
  rpcUser: string | null;
  rpcPassword: string | null;
  rpcCookieFile: string | null;
  zmq: ZmqEndpoints | null;
  clock: Clock;
}

export async function probeBitcoind(
  facts: BitcoinFacts,
  options: ProbeBitcoindOptions,
  timeoutMs: number,
): Promise<readonly EndpointReading[]> {
  const published = Object.entries(options.zmq ?? {}).map(([topic, endpoint]) => probeZmq(topic, endpoint, timeoutMs));
  return Promise.all([probeRpc(facts, options, timeoutMs), ...published]);
}

async function probeRpc(
  facts: BitcoinFacts,
  { rpcUrl, rpcUser, rpcPassword, rpcCookieFile, clock }: ProbeBitcoindOptions,
  timeoutMs: number,
): Promise<EndpointReading> {
  const reading = { ...NOTHING, name: `bitcoind at ${new URL(rpcUrl).origin}`, isEssential: true };
  const stopping = new AbortController();
  const rpc = new RpcClient(
    { url: rpcUrl, user: rpcUser, password: rpcPassword, cookieFile: rpcCookieFile, timeoutMs },
    stopping.signal,
  );
  const node = new Bitcoind(rpc);
  const check = new NodeCheck({ clock, node, facts, cursor: null });
  try {
    await check.now();
    reading.advisory = check.advisory;
    const beganAt = performance.now();
    const best = await node.bestBlockHash();
    reading.latencyMs = performance.now() - beganAt;
    const { height, timeMs } = await node.header(best);
    reading.head = { height, timeMs };
    // What following needs beside these: -rpcwhitelist may forbid it.
    await Promise.all([node.rawBlock(best), node.mempoolLoaded(), node.rawTransactions(["0".repeat(64)])]);
  } catch (error) {
    reading.problem = messageOf(error);
  }
  return reading;
}

const NOTHING: Omit<EndpointReading, "name" | "isEssential"> = {
  problem: null,
  advisory: null,
  head: null,
  latencyMs: null,
};

/** A publisher greets whoever connects: `ff`, eight bytes, `7f`. Source: ZMTP 3.1, "Version Negotiation". */
const GREETING_BYTES = 10;

async function probeZmq(topic: string, endpoint: string, timeoutMs: number): Promise<EndpointReading> {
  const { hostname, port } = new URL(endpoint);
  const beganAt = performance.now();
  const host = hostname.replace(/^\[|\]$/g, "");
  const problem = await greetingProblem(host, Number(port), timeoutMs);
  const what = `${topic} over ZMQ at ${endpoint}`;
  return {
    ...NOTHING,
    name: what,
    // Without it the node is polled.
    isEssential: false,
    problem: problem === null ? null : `${problem}: is zmqpub${topic}=${endpoint} in bitcoin.conf?`,
    latencyMs: problem === null ? performance.now() - beganAt : null,
  };
}

function greetingProblem(host: string, port: number, timeoutMs: number): Promise<string | null> {
  return new Promise((resolve) => {
    let greeting = Buffer.alloc(0);
    const socket = connect({ host, port, timeout: timeoutMs });
    const end = (problem: string | null) => {
      socket.destroy();
      resolve(problem);
    };
    socket.on("data", (bytes) => {
      greeting = Buffer.concat([greeting, bytes]);
      if (greeting.length < GREETING_BYTES) return;
      const isZmq = greeting[0] === 0xff && greeting[GREETING_BYTES - 1] === 0x7f;
      end(isZmq ? null : "Something other than ZMQ answers there");
    });
    socket.on("timeout", () => end(`Nothing has come within ${timeoutMs} ms`));
    socket.on("close", () => end("The connection was closed"));
    socket.on("error", (error: NodeJS.ErrnoException) => end(`Nobody answers there (${error.code ?? error.message})`));
  });
}
