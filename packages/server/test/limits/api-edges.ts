/** Limits of the HTTP API, and of what is written. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect } from "vitest";
import { withDatabase } from "../../src/cli/with-database.ts";
import { until } from "../../testkit/until.ts";
import { type Called, codeOf, PAYMENT, type TestServer } from "../http/harness.ts";
import type { Edges, EdgeTable } from "./edge.ts";

type ApiLimit =
  | "pageSize"
  | "observationsPerRequest"
  | "longPollMs"
  | "pendingCommands"
  | "transfersPerPayment"
  | "gapLimit"
  | "metadataBytes";

const ZPUB =
  "zpub6rFR7y4Q2AijBEqTUquhVz398htDFrtymD9xYYfG1m4wAcvPhXNfE3EfH1r1ADqtfSdVCToUG868RvUUkgDKf31mGDtKsAYz2oz2AGutZYs";

const external = (address: string, fields: object = {}) => ({
  amount: "10",
  asset: "EXT",
  chain: "ext",
  address,
  ...fields,
});

const observation = (paymentId: string, txId: string) => ({
  paymentId,
  txId,
  index: "0",
  asset: "EXT",
  amount: "1",
  status: "seen",
  confirmations: 0,
});

function expectField(answer: Called, path: string): void {
  expect(codeOf(answer)).toBe("400 invalid_request");
  expect(answer.json.error.details.map((detail: { path: string }) => detail.path)).toEqual([path]);
}

/** Sends so many payments while the disk takes nothing; resolves with their statuses when it takes them again. */
async function whileTheDiskHangs(server: TestServer, count: number): Promise<Called[]> {
  const disk = new DatabaseSync(join(server.config.dataDir, "paybell.db"));
  disk.exec("BEGIN IMMEDIATE");
  try {
    let answered = 0;
    const calls = Array.from({ length: count }, (_, place) =>
      server.post("/v1/payments", external(`address-${place}`)).finally(() => {
        answered += 1;
      }),
    );
    await until("the refusal", () => answered > 0 || null);
    disk.exec("ROLLBACK");
    return await Promise.all(calls);
  } finally {
    disk.close();
  }
}

async function bitcoinWithXpub(at: Edges, gapLimit: number): Promise<TestServer> {
  // Nobody listens there: addresses are derived without the node.
  const bitcoin = { kind: "bitcoin", network: "mainnet", rpcUrl: "http://127.0.0.1:9" };
  const server = await at.start({ gapLimit }, { file: { chains: { bitcoin } } });
  await withDatabase(server.config, ({ merchants }) => merchants.setXpub("sandbox", "bitcoin", ZPUB));
  return server;
}

export const apiEdges: EdgeTable<ApiLimit> = {
  pageSize: async (at) => {
    const server = await at.start({ pageSize: 2 });
    for (let made = 0; made < 3; made += 1) await server.payment();
    expect((await server.get("/v1/payments?limit=2")).json.payments).toHaveLength(2);
    expect((await server.get("/v1/events?limit=2")).json.events).toHaveLength(2);
    expect((await server.get("/v1/payments")).json.payments).toHaveLength(2);
    expectField(await server.get("/v1/payments?limit=3"), "?limit");
    expectField(await server.get("/v1/events?limit=3"), "?limit");
  },

  observationsPerRequest: async (at) => {
    const server = await at.start({ observationsPerRequest: 2 });
    const { id } = await server.payment(external("a"));
    const seen = (count: number) => Array.from({ length: count }, (_, place) => observation(id, `tx-${place}`));
    const taken = await server.post("/v1/observations", seen(2));
    expect(taken.json.payments[0].received).toBe("2");
    expect(codeOf(await server.post("/v1/observations", seen(3)))).toBe("400 invalid_request");
    expect((await server.get(`/v1/payments/${id}`)).json.received).toBe("2");
  },

  longPollMs: async (at) => {
    const server = await at.start({ longPollMs: 100 });
    const { next } = (await server.get("/v1/events")).json;
    expect((await server.get(`/v1/events?after=${next}&waitMs=100`)).json.events).toEqual([]);
    expectField(await server.get(`/v1/events?after=${next}&waitMs=101`), "?waitMs");
  },

  pendingCommands: async (at) => {
    const server = await at.start({ pendingCommands: 3 });
    const answers = await whileTheDiskHangs(server, 4);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 201, 503]);
    const refused = answers.find(({ status }) => status === 503) as Called;
    expect(codeOf(refused)).toBe("503 overloaded");
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await server.get("/v1/payments")).json.payments).toHaveLength(3);
    expect((await server.post("/v1/payments", external("once-more"))).status).toBe(201);
  },

  transfersPerPayment: async (at) => {
    const server = await at.start({ transfersPerPayment: 2 });
    const { id } = await server.payment(external("a"));
    const { id: watched } = await server.payment();
    const standing = await server.payment(external("b", { amount: null }));
    for (const txId of ["1", "2", "3"]) {
      await server.post("/v1/observations", [observation(id, `a${txId}`), observation(standing.id, `b${txId}`)]);
      await server.post("/v1/sandbox/pay", { paymentId: watched, amount: "1" });
    }
    expect((await server.get(`/v1/payments/${id}`)).json.received).toBe("2");
    expect((await server.get(`/v1/payments/${watched}`)).json.received).toBe("2");
    expect((await server.get(`/v1/payments/${standing.id}`)).json.received).toBe("3");
    const { events } = (await server.get("/v1/events?limit=1000")).json;
    const lost = events.filter(({ type }: { type: string }) => type === "transfer.unattributed");
    expect(lost.map((event: { data: { unattributed: { why: string } } }) => event.data.unattributed.why)).toEqual([
      "too_many_transfers",
      "too_many_transfers",
    ]);
  },

  gapLimit: async (at) => {
    const server = await bitcoinWithXpub(at, 2);
    const create = () => server.post("/v1/payments", { amount: "1000", asset: "BTC", chain: "bitcoin" });
    expect([(await create()).status, (await create()).status]).toEqual([201, 201]);
    const refused = await create();
    expect([codeOf(refused), refused.json.error.details]).toEqual(["409 gap_exhausted", { gapLimit: 2 }]);
  },

  metadataBytes: async (at) => {
    const server = await at.start({ metadataBytes: 100 });
    const create = (bytes: number) =>
      server.post("/v1/payments", { ...PAYMENT, metadata: { a: "x".repeat(bytes - '{"a":""}'.length) } });
    expect((await create(100)).status).toBe(201);
    expectField(await create(101), "metadata");
  },
};
