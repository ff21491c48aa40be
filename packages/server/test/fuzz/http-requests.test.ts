/**
 * 200 malformed requests of every kind on every path that /openapi.json names: each is answered with an error of the
 * registry (or, where chance made it valid, with what was asked for), in the words of that path's protocol; the process
 * lives, the next good request is served, and a client that follows the merchant's events the whole time misses none.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ERRORS } from "@paybell/protocol";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Api } from "../../testkit/clients/api.ts";
import { StreamClient } from "../../testkit/clients/cursor-client.ts";
import { exchange, type RawAnswer } from "../../testkit/clients/raw-http.ts";
import { ServerProcess } from "../../testkit/server-process.ts";
import { until } from "../../testkit/until.ts";
import { hostileJson, hostileText, mutatedBytes, runs, SEED } from "./hostile.ts";
import { OPERATIONS, type Operation, requestBytes } from "./operations.ts";

const EACH = 200;
/** So many at once. */
const TOGETHER = 50;
/** What was damaged may be a request that never ends. */
const QUIET_MS = 100;
const IDENTIPAY_CODES = ["NOT_FOUND", "VALIDATION_ERROR", "UNAUTHORIZED", "CONFLICT"];

let server: ServerProcess;
let api: Api;
let listener: StreamClient;
let directory: string;
/** A payment that the paths may name. */
let paymentId: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "paybell-fuzz-"));
  const limits = { keylessRequestsPerSecond: 1_000_000, sockets: 10_000, socketsPerAddress: 10_000 };
  await writeFile(join(directory, "paybell.config.json"), JSON.stringify({ limits }));
  server = await ServerProcess.start({ dataDir: directory });
  api = new Api(server.url);
  const start = (await api.call<{ next: string }>("GET", "/v1/events?limit=1")).next;
  listener = new StreamClient({
    wsUrl: server.wsUrl,
    key: "sk_sandbox_paybell",
    topic: "merchant:sandbox",
    after: start,
  });
});
beforeEach(async () => {
  paymentId = (await api.createPayment()).id;
});
afterAll(async () => {
  await listener?.stop();
  await server?.dispose();
  await rm(directory, { recursive: true, force: true });
});

/** What damages which part of a request. */
const KINDS: Record<string, (operation: Operation) => fc.Arbitrary<Buffer>> = {
  path: (operation) =>
    hostileText.map((text) =>
      requestBytes(operation, { paymentId, parameter: encodeURIComponent(text.toWellFormed()) }),
    ),
  query: (operation) =>
    fc
      .array(fc.tuple(fc.oneof(hostileText, fc.constantFrom("x", ...operation.query)), hostileText), { maxLength: 4 })
      .map((pairs) => {
        const query = pairs.map((pair) => pair.map((text) => encodeURIComponent(text.toWellFormed())).join("="));
        return requestBytes(operation, { paymentId, query: query.join("&") });
      }),
  header: (operation) =>
    fc.tuple(fc.constantFrom(...HEADERS), hostileText).map(([name, text]) => {
      // What ends the line would make another request; the kind "bytes" is for that.
      return requestBytes(operation, { paymentId, headers: { [name]: text.replace(/[\r\n]/g, "?") } });
    }),
  body: (operation) =>
    hostileJson(operation.body ?? {}).map((body) => requestBytes(operation, { paymentId, body: Buffer.from(body) })),
  "body's bytes": (operation) =>
    mutatedBytes([Buffer.from(JSON.stringify(operation.body ?? {}))]).map((body) =>
      requestBytes(operation, { paymentId, body }),
    ),
  bytes: (operation) => fc.constant(null).chain(() => mutatedBytes([requestBytes(operation, { paymentId })])),
};

const HEADERS = [
  ...["api-secret", "access-token"],
  ...["authorization", "content-type", "content-length", "content-encoding", "transfer-encoding", "idempotency-key"],
  ...["last-event-id", "host", "origin", "x-forwarded-for", "expect", "upgrade", "connection", "cookie", "accept"],
  ...["access-control-request-method", "sec-websocket-key", "range", "if-none-match", "__proto__", "constructor"],
];

function kindsOf(operation: Operation): string[] {
  return Object.keys(KINDS).filter((kind) => operation.body !== undefined || !kind.startsWith("body"));
}

// biome-ignore lint/suspicious/noExplicitAny: looked at member by member.
type Body = any;

/** Is it a refusal as the protocol writes it? */
const WORDS: Readonly<Record<NonNullable<Operation["words"]>, (body: Body) => boolean>> = {
  identipay: ({ error }) => IDENTIPAY_CODES.includes(error?.code) && typeof error.message === "string",
  "crypto-shop": ({ error, code }) => typeof error === "string" && typeof code === "string",
  tributary: ({ success, error, timestamp }) =>
    success === false && typeof error === "string" && typeof timestamp === "number",
  transak: ({ error }) => typeof error?.statusCode === "number" && Object.hasOwn(ERRORS, error.errorCode),
  // Plain text: what is JSON came from elsewhere.
  pusher: () => false,
};

/** A failure of ours, or an answer that is not in the protocol's own words. What never came to its route is refused in
 * those of the native API. */
function refuseBadAnswer({ words }: Operation, { status, body, headers }: RawAnswer): void {
  if (status < 400 || status === 503) return;
  expect(status, body).not.toBe(500);
  const isPlain = words === "pusher" && headers["content-type"]?.startsWith("text/plain");
  if (isPlain) {
    expect(body).not.toBe("");
    return;
  }
  expect(headers["content-type"]).toMatch(/^application\/json/);
  const parsed = JSON.parse(body) as Body;
  if (words !== undefined && WORDS[words](parsed)) return;
  expect(Object.keys(ERRORS)).toContain(parsed.error.code);
  expect(parsed.error.message).toEqual(expect.any(String));
}

async function tryOut(operation: Operation, bytes: Buffer): Promise<void> {
  const answers = await exchange(server.port, bytes, QUIET_MS);
  try {
    for (const answer of answers) refuseBadAnswer(operation, answer);
  } catch (error) {
    const shown = JSON.stringify(bytes.toString("latin1").slice(0, 3_000));
    throw new Error(`Seed ${SEED}: ${shown} is answered ${JSON.stringify(answers)}`, { cause: error });
  }
}

/** Whoever asks properly is served, and whoever listens is told. */
async function stillServes(): Promise<void> {
  const { id } = await api.createPayment();
  await api.pay(id);
  await until("the listener to be told", () =>
    listener.told.some((event) => event.paymentId === id && event.type === "payment.confirming"),
  );
}

it("knows every operation of /openapi.json", async () => {
  const { paths } = await api.call<{ paths: Record<string, Record<string, unknown>> }>("GET", "/openapi.json");
  const published = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(OPERATIONS.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(published.sort());
});

describe.each(OPERATIONS)("$method $path", (operation) => {
  it("serves a good request", async () => {
    const [answer] = await exchange(server.port, requestBytes(operation, { paymentId }));
    expect(answer?.status, answer?.body).toBe(operation.good);
  });

  it.each(kindsOf(operation))("answers requests with a damaged %s, and serves the next good one", async (kind) => {
    const damaged = (KINDS[kind] as (typeof KINDS)[string])(operation);
    const requests = fc.sample(damaged, runs(EACH, `${operation.method} ${operation.path} ${kind}`));
    while (requests.length > 0)
      await Promise.all(requests.splice(0, TOGETHER).map((bytes) => tryOut(operation, bytes)));
    await stillServes();
  });
});

it("has told the listener everything, in order and once", async () => {
  const log = await api.allEvents();
  const from = log.findIndex(({ id }) => id === listener.told[0]?.id);
  await until("the end", () => listener.told.length >= log.length - from);
  expect(listener.told.map(({ id }) => id)).toEqual(log.slice(from).map(({ id }) => id));
  expect(listener.connections).toBe(1);
});
