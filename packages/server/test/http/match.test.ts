/** Payments that share an address, over the API. Nothing answers at the chain's endpoint: what is created needs no node. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, PAYMENT, TestServer } from "./harness.ts";

const endpoints = [{ url: "http://127.0.0.1:7" }];
const WALLET = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
const PAYER = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359";
const [OTHER_PAYER, THIRD_PAYER] = [`0x${"1".repeat(40)}`, `0x${"2".repeat(40)}`];
const TX_ID = `0x${"ab".repeat(32)}`;
const ETHER = { amount: "1000", asset: "ETH", chain: "ethereum", address: WALLET };

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start({}, { chains: { ethereum: { kind: "evm", chainId: 1, endpoints } } });
});
afterAll(() => server.stop());

const create = (match: unknown, fields: object = {}) => server.post("/v1/payments", { ...ETHER, match, ...fields });
const pathsOf = (answer: Awaited<ReturnType<typeof create>>) =>
  answer.json.error.details.map(({ path }: { path: string }) => path);

describe("match", () => {
  it("is shown to the merchant, in one way of writing it, and to nobody else", async () => {
    const made = await create({ txId: TX_ID.toUpperCase().replace("0X", "0x"), payer: PAYER });
    expect(made).toMatchObject({ status: 201, json: { address: WALLET, sharesAddress: true, claimedTxId: null } });
    const { match, id } = made.json;
    expect(match.txId).toBe(TX_ID);
    expect(match.payer.toLowerCase()).toBe(PAYER.toLowerCase());
    expect((await server.get(`/v1/payments/${id}`)).json.match).toEqual(match);
    const seen = await server.get(`/v1/payments/${id}`, { key: null });
    expect(seen.json).toMatchObject({ address: WALLET, sharesAddress: true });
    expect(seen.text.toLowerCase()).not.toContain(PAYER.slice(2).toLowerCase());
    expect(seen.text).not.toContain(TX_ID);
  });

  it("is null for a payment that has its address for itself", async () => {
    const plain = await server.payment();
    expect(plain.match).toBeNull();
    expect(plain).not.toHaveProperty("sharesAddress");
  });

  it("lets two payers share a wallet, and one payer's second open order wait", async () => {
    expect((await create({ payer: OTHER_PAYER })).status).toBe(201);
    expect((await create({ payer: THIRD_PAYER })).status).toBe(201);
    const again = await create({ payer: THIRD_PAYER });
    expect(codeOf(again)).toBe("409 address_in_use");
    expect(again.json.error.message).toContain("same match");
  });

  it.each([
    ["a transaction alone", { txId: TX_ID }, ["match.payer"]],
    ["nothing", {}, ["match"]],
    ["two of a kind", { payer: PAYER, memo: "m" }, ["match"]],
    ["what is no address", { payer: "somebody" }, ["match.payer"]],
    ["an unknown kind", { sender: PAYER }, ["match.sender"]],
    ["a number", { payer: 5 }, ["match.payer"]],
    ["control characters", { payer: "a\u0000" }, ["match.payer"]],
    ["a text", "payer", ["match"]],
  ])("refuses %s", async (_what, match, paths) => {
    const answer = await create(match);
    expect(codeOf(answer)).toBe("400 invalid_request");
    expect(pathsOf(answer)).toEqual(paths);
  });

  it("says why a transaction alone is refused", async () => {
    expect((await create({ txId: TX_ID })).json.error.message).toContain("a stranger's transaction");
  });

  it("refuses what the chain does not know, and says what it does", async () => {
    const memo = await create({ memo: "order-1" });
    expect(codeOf(memo)).toBe("422 not_supported");
    expect(memo.json.error.details.allowed.toSorted()).toEqual(["payer", "txId"]);
    const sandbox = await server.post("/v1/payments", { ...PAYMENT, match: { payer: PAYER } });
    expect(codeOf(sandbox)).toBe("422 not_supported");
    expect(sandbox.json.error.details.allowed).toEqual([]);
  });

  it("is taken for orders as well", async () => {
    const product = { name: "Bell", price: "500", stock: 4, asset: "ETH", chain: "ethereum" };
    const { id: productId } = (await server.post("/v1/products", product)).json;
    const items = [{ productId, quantity: 2 }];
    const wanted = { customer: "ann", items, address: WALLET, match: { payer: `0x${"3".repeat(40)}` } };
    const ordered = await server.post("/v1/orders", wanted);
    expect(ordered).toMatchObject({ status: 201, json: { amount: "1000", payment: { sharesAddress: true } } });
    const other = await server.post("/v1/orders", { ...wanted, customer: "bob", match: { txId: TX_ID } });
    expect(codeOf(other)).toBe("400 invalid_request");
  });
});

describe("a claim that names a transaction", () => {
  const claim = (id: string, body: unknown) => server.post(`/v1/payments/${id}/claim`, body);
  const paidBy = async (digit: string) => (await create({ payer: `0x${digit.repeat(40)}` })).json.id as string;

  it("is shown to the merchant and changes nothing when it is repeated", async () => {
    const id = await paidBy("4");
    const claimed = await claim(id, { txId: TX_ID });
    expect(claimed).toMatchObject({ status: 200, json: { claimedTxId: TX_ID, status: "pending", sequence: 2 } });
    expect((await claim(id, { txId: TX_ID })).json.sequence).toBe(2);
    expect((await server.get(`/v1/payments/${id}`, { key: null })).text).not.toContain(TX_ID);
  });

  it("is refused where nobody knows who pays, and works without a transaction", async () => {
    const { id } = await server.payment();
    const refused = await claim(id, { txId: TX_ID });
    expect(codeOf(refused)).toBe("400 invalid_request");
    expect(pathsOf(refused)).toEqual(["txId"]);
    expect(refused.json.error.message).toContain("match.payer");
    expect((await claim(id, {})).json).toMatchObject({ claimedTxId: null, sequence: 2 });
  });

  it.each([
    ["no transaction's id", { txId: "0x12" }],
    ["a number", { txId: 5 }],
    ["an unknown field", { hash: TX_ID }],
  ])("refuses %s", async (_what, body) => {
    expect(codeOf(await claim(await paidBy(String(5 + refusals++)), body))).toBe("400 invalid_request");
  });
});

let refusals = 0;
