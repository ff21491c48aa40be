/** What Blockonomics' document and its clients expect of `/payment/{address}`, beyond the suite of all protocols. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Payment } from "../../src/payments/payment.ts";
import { MERCHANT, ProtocolServer } from "../../testkit/protocol-server.ts";
import type { TestClient } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";

const HOUR_MS = 3_600_000;
let server: ProtocolServer;

beforeAll(async () => {
  server = await ProtocolServer.start();
});
afterEach(() => server.transports.closeClients());
afterAll(() => server.stop());

/** A client that is listening: the protocol itself never says that it is. */
async function listen(address: string | null, query = ""): Promise<TestClient> {
  const before = server.transports.connections.total;
  const client = await server.transports.open(`/payment/${address}${query}`);
  await until("it to listen", () => server.hub.topicCount > 0 && server.transports.connections.total > before);
  return client;
}

const said = (client: TestClient) => client.messages.map(({ status, txid }) => `${status} ${txid}`);

async function says(client: TestClient, ...expected: string[]): Promise<void> {
  await until(
    () => `${expected} in ${said(client)}`,
    () => said(client).length >= expected.length,
  );
  expect(said(client)).toEqual(expected);
}

/** Everything that was sent before the answer has arrived when the answer arrives. */
async function saysNothing(client: TestClient): Promise<void> {
  await until("the hub to have everything", async () => server.hub.offset >= (await server.core.log.head()));
  client.ws.ping();
  await new Promise((resolve) => client.ws.once("pong", resolve));
  expect(client.received).toEqual([]);
}

/** A transfer that the merchant's backend saw. */
const report = (payment: Payment, txId: string, outputs: Record<string, bigint>, confirmations = 0) =>
  server.core.ingest.observe(
    payment.merchantId,
    Object.entries(outputs).map(([index, amountAtomic]) => ({
      paymentId: payment.id,
      observation: {
        txId,
        index,
        asset: payment.asset,
        amountAtomic,
        status: confirmations > 0 ? ("included" as const) : ("seen" as const),
        confirmations,
        block: null,
      },
    })),
  );

describe("a message", () => {
  it("has the four fields of the document, of the document's types", async () => {
    const payment = await server.create({ amountAtomic: 167_377_096n });
    const client = await listen(payment.address);
    const txid = await server.pay(payment);
    await says(client, `0 ${txid}`);
    const timestamp = Math.floor(server.transports.clock.nowMs() / 1_000);
    expect(client.messages).toEqual([{ status: 0, timestamp, value: 167_377_096, txid }]);
  });

  it("is at status 2 with two confirmations whatever the payment's own policy", async () => {
    const strict = await server.create({ confirmations: 4 });
    const lax = await server.create({ confirmations: 0 });
    const clients = [await listen(strict.address), await listen(lax.address)] as const;
    const txids = [await server.pay(strict), await server.pay(lax)] as const;
    await server.controls.mine(1);
    await server.controls.mine(1);
    await server.controls.mine(6);
    for (const [index, client] of clients.entries()) {
      await says(client, ...[0, 1, 2].map((status) => `${status} ${txids[index]}`));
    }
  });

  it("is at status -1 for a transaction that was replaced", async () => {
    const payment = await server.create();
    const client = await listen(payment.address);
    const txid = await server.pay(payment);
    await server.controls.doubleSpend(txid);
    await says(client, `0 ${txid}`, `-1 ${txid}`);
  });

  it("stands for all outputs of a transaction to the address", async () => {
    const payment = await server.create({ amountAtomic: 30n });
    const client = await listen(payment.address);
    await report(payment, "both", { 0: 10n, 1: 20n });
    await report(payment, "both", { 0: 10n, 1: 20n }, 1);
    await report(payment, "both", { 0: 10n, 1: 20n }, 2);
    await says(client, "0 both", "1 both", "2 both");
    expect(client.messages.map(({ value }) => value)).toEqual([30, 30, 30]);
  });

  it("keeps every digit of a value that JavaScript would round", async () => {
    const payment = await server.create({ amountAtomic: 2n ** 70n });
    const client = await listen(payment.address);
    await server.pay(payment);
    await until("the message", () => client.received.length === 1);
    expect(client.received[0]).toContain(`"value":${2n ** 70n},`);
  });
});

describe("a top-up", () => {
  it("is told after the first transaction is confirmed, and credited by a client that goes by txid and status 2", async () => {
    const payment = await server.create({ amountAtomic: 100n });
    const client = await listen(payment.address);
    const first = await server.pay(payment, 60n);
    const second = await server.pay(payment, 40n);
    await server.controls.mine(1);
    await server.controls.mine(1);
    await says(client, `0 ${first}`, `1 ${first}`, `2 ${first}`, `2 ${second}`);
    const credited = client.messages.filter(({ status }) => status === 2).map(({ value }) => value);
    expect(credited).toEqual([60, 40]);
  });
});

describe("at connect", () => {
  it("the current status of the most recent transaction is sent, and nothing else", async () => {
    const payment = await server.create({ amountAtomic: 100n });
    await server.pay(payment, 60n);
    await server.controls.mine(1);
    const second = await server.pay(payment, 40n);
    const client = await listen(payment.address);
    await says(client, `0 ${second}`);
  });

  it("nothing is sent before there is a transaction, nor on an address that nobody named", async () => {
    const payment = await server.create();
    await saysNothing(await listen(payment.address));
    await saysNothing(await server.transports.open("/payment/sbx1nobody"));
    await saysNothing(await server.transports.open("/payment/1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"));
  });

  it("nothing is sent of what was paid before the newest payment on the address, also while it confirms", async () => {
    const first = await server.create();
    await server.core.ingest.execute(MERCHANT, first.id, { type: "cancel" });
    const old = await server.pay(first);
    const { address } = first;
    if (address === null) throw new Error("no address");
    const second = await server.create({ address });
    const client = await listen(address);
    await saysNothing(client);
    for (let block = 0; block < 3; block += 1) await server.controls.mine(1);
    expect((await server.core.payment(first.id)).transfers[0]).toMatchObject({ txId: old, confirmations: 2 });
    await saysNothing(client);
    const txid = await server.pay(second);
    await says(client, `0 ${txid}`);
  });

  it("what is followed is followed on when a new payment takes the address", async () => {
    const first = await server.create({ amountAtomic: 100n, expiresInSeconds: 60 });
    const txid = await server.pay(first, 60n);
    const client = await listen(first.address);
    await says(client, `0 ${txid}`);
    server.transports.clock.advance(61_000);
    await server.controls.mine(1);
    await server.core.ingest.tick();
    await until("it to expire", async () => (await server.core.payment(first.id)).payment.status === "expired");
    await server.create({ address: first.address as string });
    await server.controls.mine(1);
    await says(client, `0 ${txid}`, `1 ${txid}`, `2 ${txid}`);
  });

  it("a standing payment's transaction is sent for 24 hours, and no longer", async () => {
    const payment = await server.create({ amountAtomic: null });
    const txid = await server.pay(payment);
    await server.controls.mine(2);
    server.transports.clock.advance(24 * HOUR_MS);
    await says(await listen(payment.address), `2 ${txid}`);
    server.transports.clock.advance(1);
    const late = await listen(payment.address);
    await saysNothing(late);
    const today = await server.pay(payment);
    await says(late, `0 ${today}`);
  });

  it("before the payment is made, a client hears of it all the same", async () => {
    const model = await server.create();
    await server.core.ingest.execute(MERCHANT, model.id, { type: "cancel" });
    await server.core.ingest.execute(MERCHANT, model.id, { type: "erase" });
    const { address } = model;
    if (address === null) throw new Error("no address");
    const client = await listen(address);
    const payment = await server.create({ address });
    const txid = await server.pay(payment);
    await says(client, `0 ${txid}`);
  });

  it("an address in capitals is the same one, on both sides, also while no payment names it", async () => {
    const before = await server.create();
    const upper = (before.address as string).toUpperCase();
    await server.core.ingest.execute(MERCHANT, before.id, { type: "erase" });
    const clients = [await listen(upper), await listen(upper.toLowerCase())];
    const txid = await server.pay(await server.create({ address: upper }));
    for (const client of clients) await says(client, `0 ${txid}`);
  });

  it("older clients' ?timestamp= is ignored, and a subprotocol is taken", async () => {
    const payment = await server.create();
    const txid = await server.pay(payment);
    const client = await server.transports.open(`/payment/${payment.address}?timestamp=1470371749`, {
      protocols: ["protocolOne"],
    });
    expect(client.ws.protocol).toBe("protocolOne");
    await says(client, `0 ${txid}`);
  });
});

describe("POST /api/new_address", () => {
  const ask = (key: string | null, body?: string, headers: Record<string, string> = {}) =>
    fetch(`${server.url}/api/new_address?match_callback=shop.example&reset=1`, {
      method: "POST",
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    });

  it("gives an address on which every transfer is told", async () => {
    const answer = await ask(await server.addKey("secret"));
    expect(answer.status).toBe(200);
    const { address, paymentId } = (await answer.json()) as { address: string; paymentId: string };
    const client = await listen(address);
    const { payment } = await server.core.payment(paymentId);
    expect(payment).toMatchObject({ address, amountAtomic: null, expiresAtMs: null });
    const txid = await server.pay(payment, 7n);
    await says(client, `0 ${txid}`);
  });

  it("gives another one each time, whatever the body", async () => {
    const key = await server.addKey("secret");
    const addresses = new Set<string>();
    for (const body of [undefined, "{}", '{"reset":1}']) {
      addresses.add(((await (await ask(key, body)).json()) as { address: string }).address);
    }
    expect(addresses.size).toBe(3);
  });

  it.each([
    ["curl -d ''", "application/x-www-form-urlencoded", ""],
    ["a form", "application/x-www-form-urlencoded; charset=UTF-8", "match_account=shop&reset=1"],
    [
      "PHP's array of fields",
      "multipart/form-data; boundary=x",
      '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n',
    ],
    ["fetch with a text", "text/plain;charset=UTF-8", ""],
  ])("takes the body of %s", async (_what, contentType, body) => {
    const answer = await ask(await server.addKey("secret"), body, { "content-type": contentType });
    expect([answer.status, await answer.json()]).toMatchObject([200, { address: expect.any(String) }]);
  });

  it("takes other bodies at no other path", async () => {
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const authorization = `Bearer ${await server.addKey("secret")}`;
    const headers = { ...form, authorization };
    const answer = await fetch(`${server.url}/v1/payments`, { method: "POST", headers, body: "amount=1" });
    expect(answer.status).toBe(415);
  });

  it("gives the same address again under the same Idempotency-Key", async () => {
    const key = await server.addKey("secret");
    const again = () => ask(key, "", { "content-type": "application/x-www-form-urlencoded", "idempotency-key": "one" });
    const answers = await Promise.all([again(), again()]);
    const later = await again();
    const texts = await Promise.all([...answers, later].map((answer) => answer.text()));
    expect(new Set(texts).size).toBe(1);
    expect(later.headers.get("idempotent-replayed")).toBe("true");
    const other = await ask(key, undefined, { "idempotency-key": "two" });
    expect(await other.text()).not.toBe(texts[0]);
  });

  it("needs a secret key", async () => {
    expect((await ask(null)).status).toBe(401);
    expect((await ask(await server.addKey("publishable"))).status).toBe(403);
  });
});

describe("the merchant, where there are several", () => {
  beforeAll(() => server.addMerchant("other"));

  /** The same address, with a payment of each merchant. */
  async function shared() {
    const mine = await server.create();
    const { address } = mine;
    if (address === null) throw new Error("no address");
    const others = await server.create({ merchantId: "other", address, amountAtomic: 5n });
    return { mine, others, address };
  }

  it("is the one with a payment on the address", async () => {
    server.transports.clock.advance(3_000); // The only merchant is remembered for two seconds.
    const payment = await server.create({ merchantId: "other" });
    const txid = await server.pay(payment);
    await says(await server.transports.open(`/payment/${payment.address}`), `0 ${txid}`);
  });

  it("that is not clear is not guessed: the connection is ended without a word", async () => {
    server.transports.clock.advance(3_000);
    const { address, mine } = await shared();
    await server.pay(mine);
    const client = await server.transports.open(`/payment/${address}`);
    expect((await client.closed).code).toBe(4000);
    expect(client.received).toEqual([]);
  });

  it("is named by a publishable key, and a wrong one is refused", async () => {
    const { address, others } = await shared();
    const key = await server.addKey("publishable", "other");
    await report(others, "theirs", { 0: 5n });
    await says(await server.transports.open(`/payment/${address}?key=${key}`), "0 theirs");
    for (const wrong of ["pk_sandbox_wrong", await server.addKey("secret", "other")]) {
      const client = await server.transports.open(`/payment/${address}?key=${wrong}`);
      expect(await client.closed).toEqual({ code: 4001, reason: "unauthorized" });
    }
  });
});

describe("what happens while a client joins", () => {
  /** Steps of the payment's life that happen right after the store was read, one for each read. */
  let meanwhile: (() => Promise<unknown>)[] = [];
  let racing: ProtocolServer;
  beforeAll(async () => {
    racing = await ProtocolServer.start({
      aroundReads: async () => {
        await meanwhile.shift()?.();
        await until("the hub to have it", async () => racing.hub.offset >= (await racing.core.log.head()));
      },
    });
  });
  afterAll(() => racing.stop());

  const confirm = async () => {
    await racing.controls.mine(1);
    await racing.controls.mine(1);
  };

  it("between the two looks at the payment is told as it stands, and its steps are not repeated", async () => {
    const payment = await racing.create();
    const txid = await racing.pay(payment);
    meanwhile = [confirm];
    const client = await racing.transports.open(`/payment/${payment.address}`);
    await until("the message", () => client.received.length > 0);
    await racing.controls.reorg(2);
    await says(client, `2 ${txid}`, `0 ${txid}`);
  });

  it("after the payment was looked at is told step by step", async () => {
    const payment = await racing.create();
    const txid = await racing.pay(payment);
    meanwhile = [async () => undefined, confirm];
    const client = await racing.transports.open(`/payment/${payment.address}`);
    await says(client, `0 ${txid}`, `1 ${txid}`, `2 ${txid}`);
  });

  it("is told although it is a new payment", async () => {
    const first = await racing.create();
    await racing.core.ingest.execute(MERCHANT, first.id, { type: "cancel" });
    let txid = "";
    meanwhile = [
      async () => {
        txid = await racing.pay(await racing.create({ address: first.address as string }));
      },
    ];
    const client = await racing.transports.open(`/payment/${first.address}`);
    await until("the message", () => client.received.length > 0);
    await says(client, `0 ${txid}`);
  });
});
