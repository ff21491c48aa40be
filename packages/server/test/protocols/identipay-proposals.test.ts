/** `POST /api/identipay/v1/proposals`: what a shop gets, what the payment becomes, and what is refused. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChainRegistry } from "../../src/ingest/chain-registry.ts";
import { dueFor } from "../../src/protocols/identipay/amount.ts";
import { canonicalJson, type Json } from "../../src/protocols/identipay/canonical-json.ts";
import { IdentipayShop, PROPOSAL } from "../../testkit/clients/identipay-shop.ts";
import { MERCHANT, ProtocolServer } from "../../testkit/protocol-server.ts";

let server: ProtocolServer;
let shop: IdentipayShop;

beforeAll(async () => {
  server = await ProtocolServer.start();
  shop = new IdentipayShop(server.url, await server.addKey("secret"));
});
afterAll(() => server.stop());

const paymentOf = async (id: string) => (await server.core.payment(id)).payment;

describe("a proposal", () => {
  it("is answered with everything that a checkout needs", async () => {
    const { status, json } = await shop.propose();
    expect(status).toBe(201);
    const { transactionId, intentHash, expiresAt } = json;
    const host = `127.0.0.1:${server.transports.port}`;
    expect(json).toEqual({
      transactionId: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      intentHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      qrDataUrl: expect.stringMatching(/^data:image\/png;base64,[A-Za-z0-9+/]+=*$/),
      uri: `did:identipay:${host}:${transactionId}`,
      proposal: {
        "@context": "https://schema.identipay.net/v1",
        "@type": "CommerceProposal",
        transactionId,
        merchant: { did: `did:identipay:${host}:merchant`, name: "The shop" },
        ...PROPOSAL,
        expiresAt,
        settlementChain: "sandbox",
        settlementAsset: "SBX",
        intentHash,
      },
      expiresAt: new Date(server.transports.clock.nowMs() + 900_000).toISOString(),
    });
  });

  it("becomes a payment of the same amount and expiry, which keeps it", async () => {
    const { json } = await shop.propose({ expiresInSeconds: 60 });
    expect(await paymentOf(json.transactionId)).toMatchObject({
      status: "pending",
      chain: "sandbox",
      asset: "SBX",
      amountAtomic: 25_000_000n,
      address: expect.any(String),
      expiresAtMs: Date.parse(json.expiresAt),
      reference: json.intentHash,
      metadata: { identipay: { intentHash: json.intentHash, proposal: json.proposal } },
    });
  });

  it("is settled by the payment and by nothing else", async () => {
    const { transactionId } = (await shop.propose()).json;
    await server.pay(await paymentOf(transactionId));
    await server.controls.mine(2);
    expect((await shop.status(transactionId)).json.status).toBe("settled");
  });

  it("is made once under one Idempotency-Key, and answered to the byte", async () => {
    const headers = { "idempotency-key": "proposal-1" };
    const propose = (body: object) => shop.call("POST", "/api/identipay/v1/proposals", body, headers);
    const [first, second] = await Promise.all([propose(PROPOSAL), propose(PROPOSAL)]);
    const third = await propose(PROPOSAL);
    expect([first.status, second.status, third.status]).toEqual([201, 201, 201]);
    expect([second.json, third.json]).toEqual([first.json, first.json]);
    expect(third.headers.get("idempotent-replayed")).toBe("true");
    const { payments } = await server.core.store.list({
      merchantId: MERCHANT,
      reference: first.json.intentHash,
      limit: 10,
    });
    expect(payments).toHaveLength(1);
    const other = await propose({ ...PROPOSAL, expiresInSeconds: 60 });
    expect([other.status, other.json.error.code]).toEqual([409, "CONFLICT"]);
  });

  it("is refused again in the same words under the same Idempotency-Key", async () => {
    const { payment } = await server.core.create({ asset: "SBX", amountAtomic: 1n });
    const headers = { "idempotency-key": "proposal-2" };
    const body = { ...PROPOSAL, address: payment.address };
    const [first, second] = [
      await shop.call("POST", "/api/identipay/v1/proposals", body, headers),
      await shop.call("POST", "/api/identipay/v1/proposals", body, headers),
    ];
    expect(first).toMatchObject({ status: 409, json: { error: { code: "CONFLICT" } } });
    expect([second.status, second.json]).toEqual([first.status, first.json]);
    expect(second.headers.get("idempotent-replayed")).toBe("true");
  });

  it("has a QR code of its URI", async () => {
    const { qrDataUrl } = (await shop.propose()).json;
    const png = Buffer.from(qrDataUrl.split(",")[1], "base64");
    expect(png.subarray(1, 4).toString()).toBe("PNG");
    expect([png.readUInt32BE(16), png.readUInt32BE(20)], "width and height").toEqual([300, 300]);
  });

  it("may carry a warranty, constraints, currencies of its lines, and an address", async () => {
    const fields = {
      items: [{ name: "Vase", quantity: 1, unitPrice: "25", currency: "USDC" }],
      deliverables: { receipt: true, warranty: { durationDays: 365, transferable: false } },
      constraints: { ageGate: 18, regionRestriction: ["DE", "AT"] },
    };
    const { address } = await server.create();
    const free = await server.create();
    await server.core.ingest.execute(free.merchantId, free.id, { type: "cancel" });
    const { status, json } = await shop.propose({ ...fields, address: free.address });
    expect(status).toBe(201);
    expect(json.proposal).toMatchObject(fields);
    expect((await paymentOf(json.transactionId)).address).toBe(free.address);
    const taken = await shop.propose({ address });
    expect([taken.status, taken.json.error.code]).toEqual([409, "CONFLICT"]);
  });
});

describe("the intent hash", () => {
  it("is the SHA-256 of the proposal without it, as canonical JSON", async () => {
    const { intentHash, ...proposal } = (await shop.propose()).json.proposal;
    expect(createHash("sha256").update(canonicalJson(proposal)).digest("hex")).toBe(intentHash);
    const text = canonicalJson({ b: [1, true, null, "ä\n"], a: { z: "1", y: undefined, A: 2 } });
    expect(text).toBe('{"a":{"A":2,"z":"1"},"b":[1,true,null,"ä\\n"]}');
  });

  it("does not depend on the order of members, and tells any two values apart", () => {
    const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>;
    const shuffled = (value: Json): Json => {
      if (Array.isArray(value)) return value.map(shuffled);
      if (typeof value !== "object" || value === null) return value;
      return Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([name, member]) => [name, shuffled(member as Json)]),
      );
    };
    fc.assert(
      fc.property(json, (value) => {
        expect(canonicalJson(shuffled(value))).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe("an amount", () => {
  const due = async (value: string, currency = "USDC") => {
    const { json } = await shop.propose({ amount: { value, currency } });
    return (await paymentOf(json.transactionId)).amountAtomic;
  };

  it.each([
    ["25", 25_000_000n],
    ["0.000001", 1n],
    ["12.5", 12_500_000n],
    ["12.50000000000", 12_500_000n],
    ["9007199254740993.000001", 9_007_199_254_740_993_000_001n],
    ["0.1", 100_000n],
  ])("of %s becomes %s atomic units, to the last digit", async (value, atomic) => {
    expect(await due(value)).toBe(atomic);
  });

  it("in SBX is the same coin as in USDC, in the sandbox", async () => {
    expect(await due("1", "SBX")).toBe(1_000_000n);
  });

  it.each([
    [
      "more decimals than the coin has",
      { value: "1.0000001", currency: "USDC" },
      "amount.value has 7 decimals; allowed: at most 6, which USDC has.",
    ],
    ["zero", { value: "0.00", currency: "USDC" }, "amount.value is 0; allowed: more than 0."],
    ["another currency", { value: "1", currency: "EUR" }, "amount.currency is not known; allowed: USDC, SBX."],
    [
      "a name of JavaScript's own",
      { value: "1", currency: "__proto__" },
      "amount.currency is not known; allowed: USDC, SBX.",
    ],
    [
      "a number",
      { value: 1.5, currency: "USDC" },
      'amount.value is a number; allowed: a decimal number as a string, like "12.50": no sign, no exponent, no separators.',
    ],
  ])("of %s is refused in words", async (_what, amount, message) => {
    const { status, json } = await shop.propose({ amount });
    expect([status, json.error.code, json.error.message]).toEqual([400, "VALIDATION_ERROR", message]);
  });

  it.each(["-1", "+1", "1e3", " 1", "1,000", "01", ".5", "1.", "NaN", "", "0x10", "１", `1${"0".repeat(60)}`])(
    "of %j is no amount",
    async (value) => {
      const { status, json } = await shop.propose({ amount: { value, currency: "USDC" } });
      expect([status, json.error.code]).toEqual([400, "VALIDATION_ERROR"]);
    },
  );
});

describe("a request is refused", () => {
  const line = PROPOSAL.items[0];
  it.each([
    ["without items", { items: undefined }],
    ["with no items at all", { items: [] }],
    ["with too many items", { items: Array.from({ length: 101 }, () => line) }],
    ["with half an item", { items: [{ ...line, quantity: 0.5 }] }],
    ["with a price that is none", { items: [{ ...line, unitPrice: "free" }] }],
    ["without deliverables", { deliverables: undefined }],
    ["with a receipt that is no boolean", { deliverables: { receipt: "yes" } }],
    [
      "with a warranty of no length",
      { deliverables: { receipt: true, warranty: { durationDays: 0, transferable: true } } },
    ],
    ["with a life of a day and a second", { expiresInSeconds: 86_401 }],
    ["with no life", { expiresInSeconds: 0 }],
    ["with an unknown field", { buyer: "alice" }],
    ["with a control character in a name", { items: [{ ...line, name: "a\u0000b" }] }],
    ["with an address that is none", { address: "nowhere" }],
    [
      "with more than the payment can keep",
      { items: Array.from({ length: 100 }, () => ({ ...line, name: "x".repeat(190) })) },
    ],
  ])("%s", async (_what, fields) => {
    const { status, json } = await shop.propose(fields);
    expect([status, json.error.code]).toEqual([400, "VALIDATION_ERROR"]);
    expect(json.error.message).toMatch(/\S/);
  });

  it("without a key", async () => {
    const { status, json } = await new IdentipayShop(server.url, null).propose();
    expect([status, json]).toEqual([
      401,
      { error: { code: "UNAUTHORIZED", message: "Missing or invalid Authorization header" } },
    ]);
  });

  it("and nothing is created", async () => {
    const before = await server.core.log.head();
    await shop.propose({ amount: { value: "1", currency: "EUR" } });
    await shop.propose({ items: [] });
    expect(await server.core.log.head()).toBe(before);
  });
});

describe("in live mode", () => {
  it("amounts are in the assets of the configured chain", async () => {
    const live = await ProtocolServer.start({ mode: "live" });
    const client = new IdentipayShop(live.url, await live.addKey("secret"));
    const refused = await client.propose();
    expect(refused.json.error.message, "USDC is the sandbox's name").toBe(
      "amount.currency is not known; allowed: SBX.",
    );
    expect((await client.propose({ amount: { value: "1", currency: "SBX" } })).status).toBe(201);
    await live.stop();
  });

  it("nothing can be proposed until a chain is configured", () => {
    const registry = new ChainRegistry([]);
    expect(() => dueFor(PROPOSAL.amount, null, { mode: "live", registry })).toThrow(/set identipay\.chain/);
  });
});
