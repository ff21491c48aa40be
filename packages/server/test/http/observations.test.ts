import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, TestServer } from "./harness.ts";

const BITCOIN_ADDRESS = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
const ALLOWED_ASSETS = [{ symbol: "EXT", decimals: 0 }];

const seen = (paymentId: string, txId: string, fields: object = {}) => ({
  paymentId,
  txId,
  index: "0",
  asset: "EXT",
  amount: "1",
  status: "seen",
  confirmations: 0,
  ...fields,
});

let server: TestServer;
let shop: Awaited<ReturnType<TestServer["merchant"]>>;
let rival: Awaited<ReturnType<TestServer["merchant"]>>;
let addresses = 0;

beforeAll(async () => {
  server = await TestServer.start(
    { PAYBELL_MODE: "live" },
    {
      chains: {
        // Nobody listens there: what the node would say is not the question.
        bitcoin: { kind: "bitcoin", network: "regtest", rpcUrl: "http://127.0.0.1:9" },
        ext: { kind: "external", assets: ALLOWED_ASSETS },
        other: { kind: "external", assets: ALLOWED_ASSETS },
      },
    },
  );
  shop = await server.merchant("shop");
  rival = await server.merchant("rival");
});
afterAll(() => server.stop());

const external = (chain = "ext") => {
  addresses += 1;
  return server.payment({ amount: "10", asset: "EXT", chain, address: `address-${addresses}` }, { key: shop.secret });
};
const onBitcoin = (key: string) =>
  server.payment({ amount: "10", asset: "BTC", chain: "bitcoin", address: BITCOIN_ADDRESS }, { key });
const report = (body: unknown, key = shop.secret) => server.post("/v1/observations", body, { key });
const receivedBy = async (id: string) => (await server.get(`/v1/payments/${id}`, { key: shop.secret })).json.received;

describe("observations of a chain that is watched here, in live mode", () => {
  it("are refused, and name the chains that the caller's backend watches", async () => {
    const [mine, theirs] = [await onBitcoin(shop.secret), await onBitcoin(rival.secret)];
    const made = seen(theirs.id, "f".repeat(64), { asset: "BTC", amount: "10" });
    const answer = await report(made, rival.secret);
    expect(codeOf(answer)).toBe("422 not_supported");
    expect(answer.json.error.details).toEqual({ paymentId: theirs.id, chain: "bitcoin", allowed: ["ext", "other"] });
    expect((await server.get(`/v1/payments/${theirs.id}`, { key: rival.secret })).json.received).toBe("0");
    expect(await receivedBy(mine.id)).toBe("0");
  });

  it("refuse the whole request, and record nothing of the rest", async () => {
    const [watched, own] = [await server.payment(bitcoinElsewhere, { key: shop.secret }), await external()];
    const made = seen(watched.id, "with-another", { asset: "BTC" });
    expect(codeOf(await report([seen(own.id, "with-another"), made]))).toBe("422 not_supported");
    expect(await receivedBy(own.id)).toBe("0");
    expect((await report(seen(own.id, "alone"))).json.payments[0].received).toBe("1");
  });
});

/** Another address: one open payment may wait on each. */
const bitcoinElsewhere = {
  amount: "10",
  asset: "BTC",
  chain: "bitcoin",
  address: "2N3oefVeg6stiTb5Kh3ozCSkaqmx91FDbsm",
};

describe("a transfer", () => {
  it("named for two payments in one request is refused, and nothing is recorded", async () => {
    const [one, other] = [await external(), await external()];
    const answer = await report([seen(one.id, "twice"), seen(other.id, "twice")]);
    expect(codeOf(answer)).toBe("400 invalid_request");
    expect(answer.json.error.details).toMatchObject([{ path: "[1].txId" }]);
    expect([await receivedBy(one.id), await receivedBy(other.id)]).toEqual(["0", "0"]);
    expect((await report([seen(one.id, "twice"), seen(other.id, "twice", { index: "1" })])).status).toBe(200);
  });

  it("may be named twice for one payment, and on two chains", async () => {
    const [one, elsewhere] = [await external(), await external("other")];
    const answer = await report([seen(one.id, "same"), seen(one.id, "same"), seen(elsewhere.id, "same")]);
    expect(answer.json.payments.map(({ received }: { received: string }) => received)).toEqual(["1", "1"]);
  });

  it("that credits another payment is refused, and nothing of the request is recorded", async () => {
    const [first, second, third] = [await external(), await external(), await external()];
    await report(seen(first.id, "credited"));
    const answer = await report([seen(second.id, "fresh"), seen(third.id, "credited")]);
    expect(codeOf(answer)).toBe("400 invalid_request");
    expect(answer.json.error.details).toMatchObject([{ path: "[1].txId", problem: expect.stringContaining(first.id) }]);
    expect([await receivedBy(second.id), await receivedBy(third.id)]).toEqual(["0", "0"]);
  });

  it("of a payment that was erased is in no stored answer, also where others are in it", async () => {
    const [one, other] = [await external(), await external()];
    const key = { key: shop.secret, headers: { "idempotency-key": "about two" } };
    const body = [seen(one.id, "for-one"), seen(other.id, "for-other")];
    expect((await server.post("/v1/observations", body, key)).status).toBe(200);
    expect((await server.post("/v1/observations", body, key)).headers.get("idempotent-replayed")).toBe("true");
    await server.call("DELETE", `/v1/payments/${other.id}`, { key: shop.secret });
    expect(codeOf(await server.post("/v1/observations", body, key))).toBe("404 not_found");
  });

  it("of a payment that was erased credits no other one", async () => {
    const [erased, one, other] = [await external(), await external(), await external()];
    await report(seen(erased.id, "of-erased"));
    expect((await server.call("DELETE", `/v1/payments/${erased.id}`, { key: shop.secret })).status).toBe(204);
    const answer = await report([seen(one.id, "another"), seen(other.id, "of-erased")]);
    expect(codeOf(answer)).toBe("400 invalid_request");
    expect(answer.text).not.toContain(erased.id);
    expect([await receivedBy(one.id), await receivedBy(other.id)]).toEqual(["0", "0"]);
  });

  it("that two requests name at once credits one payment; the other request is refused", async () => {
    const [one, other] = [await external(), await external()];
    const answers = await Promise.all([report(seen(one.id, "race")), report(seen(other.id, "race"))]);
    const statuses = answers.map(({ status }) => status);
    expect(statuses).toContain(200);
    expect(statuses.filter((status) => status !== 200)).toEqual([expect.toBeOneOf([400, 409])]);
    expect([await receivedBy(one.id), await receivedBy(other.id)].sort()).toEqual(["0", "1"]);
  });
});
