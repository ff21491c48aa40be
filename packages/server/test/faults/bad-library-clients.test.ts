/**
 * Promise 6 on the wires of Crypto Shop, Tributary and Transak: 200 malformed things of every kind on each of their
 * paths, and clients that never read. The process lives, whoever comes next is served, and real clients that were there
 * all the time hear everything on their first connection. Their HTTP calls: test/fuzz/http-requests.test.ts.
 *
 * FUZZ_SEED repeats a run.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Api } from "../../testkit/clients/api.ts";
import { RawPolling } from "../../testkit/clients/raw-engine.ts";
import { exchange } from "../../testkit/clients/raw-http.ts";
import { frame, OPCODES, RawWebSocket } from "../../testkit/clients/raw-websocket.ts";
import { cryptoShopWitness, TransakWitness, tributaryWitness, type Witness } from "../../testkit/clients/witnesses.ts";
import { compareNews, cryptoShopNews, type Told, transakNews, tributaryNews } from "../../testkit/expected-news.ts";
import { FallbackClient } from "../../testkit/fallback-client.ts";
import { ServerProcess } from "../../testkit/server-process.ts";
import { handshake } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";
import { eachAtOnce, hostileJson, hostileText, mutatedBytes, mutatedText, runs } from "../fuzz/hostile.ts";

const EACH = 200;
const QUIET_MS = 100;

/** What is said on a wire: valid samples, to be damaged, a question that is in order, and what its answer contains. */
interface Wire {
  path: string;
  /** Said first. */
  opening: string | null;
  samples: readonly string[];
  question: string;
  answer: string;
  /** Said to who takes nothing, at last. */
  slow: RegExp;
}

const CHANNEL = "11111111-2222-4333-8444-555555555555";
const packets = (event: string, payload: string) => [
  `42["${event}",${payload}]`,
  `4217["${event}",${payload}]`,
  `451-["${event}",{"_placeholder":true,"num":0}]`,
  `40{"token":"t","pid":"aaaaaaaaaaaaaaaaaaaa","offset":"x"}`,
];
const WIRES: Readonly<Record<string, Wire>> = {
  "Crypto Shop": {
    path: "/socket.io",
    opening: "40",
    samples: packets("join-user", '"64f0c0ffee"'),
    question: '42["join-user",""]',
    answer: "invalid_request",
    slow: /^42\["error",\{"code":"slow_consumer"/,
  },
  Tributary: {
    path: "/ws/v1",
    opening: "40",
    samples: packets("subscribe", '{"trackingId":"abc"}'),
    question: '42["subscribe",{"trackingId":"sane"}]',
    answer: "Subscribed to trackingId: sane",
    slow: /^42\["error",.*"CONNECTION_ERROR"/,
  },
  Transak: {
    path: "/app/paybell?protocol=7",
    opening: null,
    samples: [
      `{"event":"pusher:subscribe","data":{"channel":"private-${CHANNEL}","auth":"paybell:00"}}`,
      `{"event":"pusher:unsubscribe","data":{"channel":"${CHANNEL}"}}`,
    ],
    question: '{"event":"pusher:ping","data":{}}',
    answer: "pusher:pong",
    slow: /slow_consumer$/,
  },
};
const socketIoWires = Object.entries(WIRES).filter(([, { opening }]) => opening !== null);
const webSocketPath = ({ path, opening }: Wire) => (opening === null ? path : `${path}/?EIO=4&transport=websocket`);

let server: ServerProcess;
let api: Api;
let dataDir: string;
let witnesses: [Witness, (log: Parameters<typeof cryptoShopNews>[0]) => Told[]][];

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "paybell-bad-library-clients-"));
  // What is malformed is looked at, not how fast it comes; deaf clients are full soon.
  const limits = {
    keylessRequestsPerSecond: 1_000_000,
    messagesPerSecond: 1_000_000,
    bufferedBytes: 65_536,
    closeTimeoutMs: 2_000,
  };
  await writeFile(join(dataDir, "paybell.config.json"), JSON.stringify({ limits }));
  server = await ServerProcess.start({ dataDir, args: ["--quiet"] });
  api = new Api(server.url);
  const { url } = server;
  const client = { transports: ["websocket"] };
  witnesses = [
    [cryptoShopWitness({ url, client, asks: "once", customers: ["good"], products: false }), cryptoShopNews],
    [tributaryWitness({ url, client, asks: "once", trackingIds: ["good"] }), tributaryNews],
    [TransakWitness.ofMerchant(server.port, "WebSocket"), transakNews],
  ];
});
afterAll(async () => {
  for (const [witness] of witnesses) witness.close();
  await server.dispose();
  await rm(dataDir, { recursive: true });
});

/** Whoever was there before hears of a new payment, and has heard of all others, on one connection. */
async function stillServes(): Promise<void> {
  const { id } = await api.createPayment({ customer: "good", reference: "good" });
  await api.pay(id);
  await api.mine(2);
  const log = await api.allEvents();
  for (const [witness, newsOf] of witnesses) {
    const compared = () => compareNews(witness.connections, newsOf(log));
    await until(
      () => `${witness.name}: ${compared().missing}`,
      () => compared().missing.length === 0,
    );
    expect([compared().wrong, witness.connections.length], witness.name).toEqual([[], 1]);
  }
}

async function eachOf<T>(kind: fc.Arbitrary<T>, name: string, tryOut: (input: T) => Promise<void>): Promise<void> {
  await eachAtOnce(fc.sample(kind, runs(EACH, name)), tryOut);
  await stillServes();
}

const texts = ({ samples }: Wire) =>
  fc.oneof(
    mutatedText(samples),
    fc.tuple(fc.constantFrom("", "4", "42", "40", "b"), hostileText).map((parts) => parts.join("")),
    hostileJson(...samples.map((sample) => JSON.parse(sample.slice(sample.search(/[[{]/))) as unknown)).map(
      (json) => (samples[0]?.match(/^[0-9]*/)?.[0] ?? "") + json,
    ),
  );

/** Asks what is in order, twice, since the first may be taken for what was missing; is answered, or has been ended. */
async function endsOrAnswers(client: RawWebSocket, { question, answer }: Wire): Promise<void> {
  let isGone = false;
  void client.gone.then(() => {
    isGone = true;
  });
  client.send(frame({ payload: question }), frame({ payload: question }));
  await until(
    () => `an end or an answer, after ${client.frames.map(({ text }) => text)}`,
    // What came before may have had one such answer too.
    () => isGone || client.closeCode !== null || client.frames.filter(({ text }) => text.includes(answer)).length > 1,
  );
  client.destroy();
}

async function open(wire: Wire): Promise<RawWebSocket> {
  const client = await RawWebSocket.open(server.port, webSocketPath(wire));
  if (wire.opening !== null) client.send(frame({ payload: wire.opening }));
  await until("the opening", () => client.frames.length >= (wire.opening === null ? 1 : 2));
  return client;
}

describe.each(Object.entries(WIRES))("%s", (name, wire) => {
  it(`${EACH} malformed messages`, () =>
    eachOf(texts(wire), `${name} messages`, async (text) => {
      const client = await open(wire);
      client.send(frame({ payload: text }));
      await endsOrAnswers(client, wire);
    }));

  it(`${EACH} malformed frames`, () => {
    const good = wire.samples.map((payload) => frame({ payload }));
    const bytes = mutatedBytes([...good, frame({ opcode: OPCODES.binary, payload: "abc" })]);
    return eachOf(bytes, `${name} frames`, async (sent) => {
      const client = await open(wire);
      client.send(sent);
      // What follows may be the rest of a damaged frame, which then waits for more: nothing more is to be expected of it.
      client.socket.end(frame({ payload: wire.question }));
      await until("its end", () => client.socket.destroyed || client.closeCode !== null || client.socket.readableEnded);
      client.destroy();
    });
  });

  it(`${EACH} malformed handshakes`, () =>
    eachOf(mutatedBytes([Buffer.from(handshake(webSocketPath(wire)))]), `${name} handshakes`, async (sent) => {
      const [line = ""] = sent.toString("latin1").split("\r\n", 1);
      const socket = connect(server.port, "127.0.0.1");
      socket.on("error", () => socket.destroy());
      let said = "";
      socket.on("data", (chunk: Buffer) => {
        said += chunk.toString("latin1");
      });
      socket.end(sent);
      await until(`an end after ${line}`, () => socket.destroyed || said !== "");
      socket.destroy();
      expect(said).not.toMatch(/^HTTP\/1.1 500/);
    }));

  it("a client that never reads is ended, in the words of its protocol", async () => {
    const before = await slowConsumers();
    const client = await open(wire);
    client.socket.pause();
    const asked = Buffer.concat(Array<Buffer>(2_000).fill(frame({ payload: wire.question })));
    // As much as the system takes, until the server has had enough of it.
    const more = () => client.socket.writableLength < 1_000_000 && client.socket.writable && client.socket.write(asked);
    await until("it to be ended", async () => {
      more();
      return (await slowConsumers()) > before;
    });
    // It would hear why, if it began to read.
    client.socket.resume();
    await client.gone;
    const [farewell, close] = client.frames.slice(-2);
    expect(close?.closeCode).toBe(4100);
    expect([farewell?.text, close?.text].join("\n")).toMatch(wire.slow);
    await stillServes();
  });
});

async function slowConsumers(): Promise<number> {
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  const lines = metrics.split("\n").filter((line) => line.includes('"slow_consumer"'));
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

it.each(socketIoWires)(`%s over polling: ${EACH} malformed bodies`, (name, wire) =>
  eachOf(texts(wire), `${name} bodies`, async (text) => {
    const client = await RawPolling.connect(`${server.url}${wire.path}`);
    const { status } = await client.push(text);
    expect([200, 400, 413]).toContain(status);
    await client.push(wire.question, "1");
    const answer = await client.poll();
    expect([200, 400]).toContain(answer.status);
  }),
);

it(`Transak over the HTTP fallback: ${EACH} malformed bodies and paths`, async () => {
  const wire = WIRES.Transak as Wire;
  const base = `${server.url}/pusher/app/paybell/1`;
  const bodies = fc.oneof(hostileText, hostileJson([...wire.samples], {}), texts(wire));
  let sessions = 0;
  await eachOf(bodies, "fallback bodies", async (body) => {
    sessions += 1;
    // A session each: one message that is too large ends the session that it came to.
    const reader = new FallbackClient(`${base}/session${sessions}`);
    void reader.read("xhr_streaming");
    await reader.heard("pusher:connection_established");
    expect([204, 400, 413]).toContain(await reader.sendRaw(body));
    if (reader.lines.every((line) => !line.startsWith("c["))) {
      await reader.send({ event: "pusher:ping" });
      await until(
        () => `a pong or the session's end in ${reader.lines.join(" ").slice(0, 1_000)}`,
        () =>
          reader.lines.some((line) => line.startsWith("c[")) ||
          reader.messages.some(({ event }) => event === "pusher:pong"),
      );
    }
    reader.leave();
  });
  const request = Buffer.from("POST /pusher/app/paybell/1/hgfedcba/xhr?protocol=7 HTTP/1.1\r\nHost: x\r\n\r\n");
  await eachOf(mutatedBytes([request]), "fallback paths", async (bytes) => {
    for (const { status } of await exchange(server.port, bytes, QUIET_MS)) expect(status).not.toBe(500);
  });
});
