import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { FastifyRequest } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Idempotency } from "../../src/http/idempotency.ts";
import { systemClock } from "../../src/kit/clock.ts";
import { PaybellError } from "../../src/kit/errors.ts";
import { type IdempotentAnswer, StoreUnavailable } from "../../src/log/event-log.ts";
import type { IdempotencyStore } from "../../src/log/store.ts";
import { codeOf, PAYMENT, TestServer } from "./harness.ts";

let server: TestServer;
let stranger: Awaited<ReturnType<TestServer["merchant"]>>;
let keys = 0;

beforeAll(async () => {
  server = await TestServer.start();
  stranger = await server.merchant("stranger");
});
afterAll(() => server.stop());

const freshKey = () => {
  keys += 1;
  return { headers: { "idempotency-key": `key ${keys}` } };
};
const countOf = async (reference: string) =>
  (await server.get(`/v1/payments?reference=${reference}`)).json.payments.length;

describe("an erased payment", () => {
  it("is in no stored answer any more: neither to what wrote it nor to what changed nothing", async () => {
    const [own, nothingNew] = [freshKey(), freshKey()];
    const body = { ...PAYMENT, customer: "alice@example.com" };
    const { id } = (await server.post("/v1/payments", body, own)).json;
    await server.post(`/v1/payments/${id}/cancel`, {});
    expect((await server.post(`/v1/payments/${id}/cancel`, {}, nothingNew)).text).toContain("alice@example.com");
    await server.call("DELETE", `/v1/payments/${id}`);
    const again = await server.post("/v1/payments", body, own);
    expect([again.status, again.headers.get("idempotent-replayed")]).toEqual([201, null]);
    expect(again.json.id).not.toBe(id);
    expect(codeOf(await server.post(`/v1/payments/${id}/cancel`, {}, nothingNew))).toBe("404 not_found");
  });
});

describe("a repeated POST", () => {
  it("gets the first answer, to the byte, and creates nothing", async () => {
    const key = freshKey();
    const body = { ...PAYMENT, reference: "repeated" };
    const first = await server.post("/v1/payments", body, key);
    await server.post("/v1/sandbox/pay", { paymentId: first.json.id });
    const second = await server.post("/v1/payments", body, key);
    expect(first.headers.get("idempotent-replayed")).toBeNull();
    expect(second.headers.get("idempotent-replayed")).toBe("true");
    expect([second.status, second.text]).toEqual([201, first.text]);
    expect(second.headers.get("content-type")).toBe(first.headers.get("content-type"));
    expect(await countOf("repeated")).toBe(1);
  });

  it("is carried out anew for another merchant: keys do not meet", async () => {
    const key = freshKey();
    const mine = await server.post("/v1/payments", PAYMENT, key);
    const theirs = await server.post("/v1/payments", PAYMENT, { ...key, key: stranger.secret });
    expect(theirs.status).toBe(201);
    expect(theirs.json.id).not.toBe(mine.json.id);
  });

  it.each([
    ["body", "/v1/payments", { ...PAYMENT, amount: "2" }],
    ["path", "/v1/sandbox/mine", { blocks: 1 }],
  ])("with another %s is refused", async (_what, path, body) => {
    const key = freshKey();
    await server.post("/v1/payments", PAYMENT, key);
    expect(codeOf(await server.post(path, body, key))).toBe("409 idempotency_mismatch");
  });

  it("of a command to another payment is refused", async () => {
    const [one, other] = [await server.payment(), await server.payment()];
    const key = freshKey();
    await server.call("POST", `/v1/payments/${one.id}/cancel`, key);
    const answer = await server.call("POST", `/v1/payments/${other.id}/cancel`, key);
    expect(codeOf(answer)).toBe("409 idempotency_mismatch");
    expect((await server.get(`/v1/payments/${other.id}`)).json.status).toBe("pending");
  });

  it("makes one payment however many come at once", async () => {
    const key = freshKey();
    const body = { ...PAYMENT, reference: "at-once" };
    const answers = await Promise.all(Array.from({ length: 12 }, () => server.post("/v1/payments", body, key)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers.get("idempotent-replayed") === null)).toHaveLength(1);
    expect(await countOf("at-once")).toBe(1);
  });

  it("is told to come back when very many wait already, and still makes one payment", async () => {
    const key = freshKey();
    const body = { ...PAYMENT, reference: "very-many" };
    const answers = await Promise.all(Array.from({ length: 60 }, () => server.post("/v1/payments", body, key)));
    for (const answer of answers) {
      if (answer.status !== 201) expect(codeOf(answer)).toBe("409 idempotency_in_progress");
    }
    expect(await countOf("very-many")).toBe(1);
  });

  it("with different bodies at once: one wins, the others are refused", async () => {
    const key = freshKey();
    const answers = await Promise.all(
      ["1", "2", "3"].map((amount) => server.post("/v1/payments", { ...PAYMENT, amount }, key)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
  });

  it("pays once, mines once", async () => {
    const { id } = await server.payment();
    const [pay, mine] = [freshKey(), freshKey()];
    const paid = [0, 1].map(() => server.post("/v1/sandbox/pay", { paymentId: id }, pay));
    const [first, second] = await Promise.all(paid);
    expect(second?.json).toEqual(first?.json);
    expect((await server.get(`/v1/payments/${id}`)).json.transfers).toHaveLength(1);
    const { json } = await server.post("/v1/sandbox/mine", { blocks: 1 }, mine);
    expect((await server.post("/v1/sandbox/mine", { blocks: 1 }, mine)).json).toEqual(json);
  });

  it("of a command that changed nothing is answered the same way", async () => {
    const { id } = await server.payment();
    await server.call("POST", `/v1/payments/${id}/claim`);
    const key = freshKey();
    const first = await server.call("POST", `/v1/payments/${id}/claim`, key);
    await server.call("POST", `/v1/payments/${id}/cancel`);
    const second = await server.call("POST", `/v1/payments/${id}/claim`, key);
    expect([second.status, second.text]).toEqual([first.status, first.text]);
    expect(second.headers.get("idempotent-replayed")).toBe("true");
  });

  it("gets a refusal by the state of things again, though the state has changed", async () => {
    const { id, address } = await server.payment();
    const key = freshKey();
    const body = { ...PAYMENT, address };
    expect(codeOf(await server.post("/v1/payments", body, key))).toBe("409 address_in_use");
    await server.call("POST", `/v1/payments/${id}/cancel`);
    const again = await server.post("/v1/payments", body, key);
    expect(codeOf(again)).toBe("409 address_in_use");
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect((await server.post("/v1/payments", body, freshKey())).status).toBe(201);
  });

  it("is carried out when the first was refused before it began", async () => {
    const key = freshKey();
    expect(codeOf(await server.post("/v1/payments", { ...PAYMENT, amount: "0" }, key))).toBe("400 invalid_request");
    expect(codeOf(await server.post("/v1/payments", { ...PAYMENT, chain: "x" }, key))).toBe("422 not_supported");
    expect((await server.post("/v1/payments", PAYMENT, key)).status).toBe(201);
  });
});

it.each(["", "x".repeat(256), "tab\there", "umlaut-\u00e4"])("refuses the key %j", async (key) => {
  const answer = await server.post("/v1/payments", PAYMENT, { headers: { "idempotency-key": key } });
  expect(codeOf(answer)).toBe("400 invalid_request");
  expect(answer.json.error.details[0].path).toBe("header idempotency-key");
});

it("takes a key of 255 characters", async () => {
  const headers = { "idempotency-key": "x".repeat(255) };
  expect((await server.post("/v1/payments", PAYMENT, { headers })).status).toBe(201);
});

describe("when the database takes nothing", () => {
  it("answers 503 with Retry-After, logs why, and carries the request out when it is repeated", async () => {
    const key = freshKey();
    const disk = new DatabaseSync(join(server.config.dataDir, "paybell.db"));
    disk.exec("CREATE TRIGGER no_space BEFORE INSERT ON payments BEGIN SELECT RAISE(ABORT, 'no space left'); END");
    const refused = await server.post("/v1/payments", PAYMENT, key);
    disk.exec("DROP TRIGGER no_space");
    disk.close();
    expect(codeOf(refused)).toBe("503 overloaded");
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(refused.text).not.toContain("no space");
    expect(server.log).toContain("no space left");
    expect((await server.post("/v1/payments", PAYMENT, key)).status).toBe(201);
  });
});

describe("when carrying out fails", () => {
  /** Enough of a request for the class alone; failures of the database cannot be asked for over HTTP. */
  const requestOf = (key: string): FastifyRequest =>
    ({
      id: "req_1",
      method: "POST",
      url: "/v1/x",
      body: {},
      headers: { "idempotency-key": key },
      routeOptions: { url: "/v1/x" },
      log: { error: () => undefined },
    }) as unknown as FastifyRequest;

  const inMemory = (): Omit<IdempotencyStore, "deleteExpired"> => {
    const answers = new Map<string, IdempotentAnswer>();
    const name = (merchantId: string, key: string) => `${merchantId}/${key}`;
    return {
      idempotentAnswer: async (merchantId, key) => answers.get(name(merchantId, key)) ?? null,
      storeIdempotentAnswer: async (answer) => {
        if (answers.has(name(answer.merchantId, answer.key))) return false;
        answers.set(name(answer.merchantId, answer.key), answer);
        return true;
      },
    };
  };
  const make = (store = inMemory()) => new Idempotency({ store, clock: systemClock, bodyBytes: 1_000 });

  it("keeps a 500, with the request id and nothing of the cause", async () => {
    const idempotency = make();
    const fail = () => Promise.reject(new Error("disk at /dev/sda1 is gone"));
    const first = await idempotency.run(requestOf("k"), "m", fail);
    const second = await idempotency.run(requestOf("k"), "m", async () => ({ httpStatus: 200, body: {} }));
    expect(first.httpStatus).toBe(500);
    expect(JSON.parse(first.body).error).toMatchObject({ code: "internal_error", details: { requestId: "req_1" } });
    expect(first.body).not.toContain("sda1");
    expect(second).toEqual({ ...first, replayed: true });
  });

  it("answers 500 also when not even that could be kept", async () => {
    const store = { ...inMemory(), storeIdempotentAnswer: () => Promise.reject(new Error("no disk")) };
    const answer = await make(store).run(requestOf("k"), "m", () => Promise.reject(new Error("no disk")));
    expect(answer.httpStatus).toBe(500);
  });

  it("does not keep what may go through next time", async () => {
    const idempotency = make();
    const overloaded = () => Promise.reject(new PaybellError("overloaded", "later"));
    await expect(idempotency.run(requestOf("k"), "m", overloaded)).rejects.toMatchObject({ code: "overloaded" });
    const second = await idempotency.run(requestOf("k"), "m", async () => ({ httpStatus: 200, body: {} }));
    expect(second).toMatchObject({ httpStatus: 200, replayed: false });
  });

  it("gives the answer of what was carried out, also when it could not be kept", async () => {
    const full = () => Promise.reject(new StoreUnavailable("full"));
    const store = { ...inMemory(), storeIdempotentAnswer: full };
    const answer = await make(store).run(requestOf("k"), "m", async () => ({ httpStatus: 200, body: { done: true } }));
    expect(answer).toMatchObject({ httpStatus: 200, body: '{"done":true}', replayed: false });
  });

  it("gives the answer of another process that was faster", async () => {
    const shared = inMemory();
    const [here, there] = [make(shared), make(shared)];
    const { promise: othersTurn, resolve: goOn } = Promise.withResolvers<void>();
    const slow = here.run(requestOf("k"), "m", async () => {
      await othersTurn;
      return { httpStatus: 200, body: { from: "here" } };
    });
    await there.run(requestOf("k"), "m", async () => ({ httpStatus: 200, body: { from: "there" } }));
    goOn();
    expect(await slow).toMatchObject({ body: '{"from":"there"}', replayed: true });
  });
});
