/** What a Tributary client is told of the past, and what it is never told twice. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Payment } from "../../src/payments/payment.ts";
import type { ClientOptions } from "../../testkit/clients/socketio.ts";
import { TributaryClient } from "../../testkit/clients/tributary-client.ts";
import { ProtocolServer } from "../../testkit/protocol-server.ts";
import { until } from "../../testkit/until.ts";

const WINDOW_MS = 60_000;

let server: ProtocolServer;
const clients: TributaryClient[] = [];
let made = 0;
let reference: string;

beforeAll(async () => {
  server = await ProtocolServer.start({ replayWindowMs: WINDOW_MS });
});
beforeEach(() => {
  made += 1;
  reference = `reference-${made}`;
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.transports.closeClients();
  expect(server.errors).toEqual([]);
});
afterAll(() => server.stop());

async function open(options: ClientOptions = {}, version?: string): Promise<TributaryClient> {
  const client = await TributaryClient.open(server.url, options, version);
  clients.push(client);
  return client;
}

async function follow(id = reference): Promise<TributaryClient> {
  const client = await open();
  await client.subscribe(id);
  return client;
}

async function execute(payment: Payment, amountAtomic?: bigint): Promise<string> {
  const txId = await server.pay(payment, amountAtomic);
  await server.controls.mine(2);
  return txId;
}

/** All that it was told under the id until now: what comes last is there, and then everything before it is. */
async function heardBy(client: TributaryClient, id = reference): Promise<TributaryClient["payments"]> {
  const last = await server.pay(await server.create({ reference: id, confirmations: 0 }));
  await until("the last payment", () => client.signatures.includes(last));
  expect(client.signatures.at(-1)).toBe(last);
  return client.payments.slice(0, -1);
}

const signaturesOf = (payments: TributaryClient["payments"]): string[] => payments.map(({ signature }) => signature);

describe("at a subscribe", () => {
  it("what was executed in the window is told after the ack, in order, then what comes", async () => {
    const standing = await server.create({ reference, amountAtomic: null });
    const told = [await execute(standing), await execute(standing), await execute(standing)];
    const client = await follow();
    await client.paid(3);
    expect(client.io.events.map(([name]) => name)).toEqual(["ack", "payment", "payment", "payment"]);
    told.push(await execute(standing));
    await client.paid(4);
    expect(client.signatures).toEqual(told);
  });

  it("what was executed before the window is not told, though it became final in it", async () => {
    const standing = await server.create({ reference, amountAtomic: null });
    const fixed = await server.create({ reference });
    await server.pay(fixed);
    await execute(standing);
    server.transports.clock.advance(WINDOW_MS + 1);
    await server.controls.mine(6);
    const signature = await execute(standing);
    expect(signaturesOf(await heardBy(await follow()))).toEqual([signature]);
  });

  it("at the edge of the window it is told", async () => {
    const signature = await execute(await server.create({ reference }));
    server.transports.clock.advance(WINDOW_MS);
    expect(signaturesOf(await heardBy(await follow()))).toEqual([signature]);
    server.transports.clock.advance(1);
    expect(signaturesOf(await heardBy(await follow()))).not.toContain(signature);
  });

  it("a repetition on another connection is the same message", async () => {
    await execute(await server.create({ reference }));
    const first = await follow();
    await first.paid(1);
    server.transports.clock.advance(5_000);
    const second = await follow();
    await second.paid(1);
    expect(second.messages("payment")).toEqual(first.messages("payment"));
  });

  it("a second one on the same connection is acknowledged and tells nothing again", async () => {
    await execute(await server.create({ reference }));
    const client = await follow();
    await client.paid(1);
    for (let again = 0; again < 3; again += 1) await client.subscribe(reference);
    const signature = await execute(await server.create({ reference }));
    await client.paid(2);
    expect(client.acks).toHaveLength(4);
    expect(signaturesOf(await heardBy(client)).slice(1)).toEqual([signature]);
  });

  it("after an unsubscribe only what was executed meanwhile is told", async () => {
    const standing = await server.create({ reference, amountAtomic: null });
    const client = await follow();
    const first = await execute(standing);
    await client.paid(1);
    await client.unsubscribe(reference);
    const second = await execute(standing);
    await client.subscribe(reference);
    expect(signaturesOf(await heardBy(client))).toEqual([first, second]);
  });
});

describe("an execution", () => {
  it("is told at the payment's confirmations, not before", async () => {
    const payment = await server.create({ reference, confirmations: 3 });
    const client = await follow();
    await server.pay(payment);
    await server.controls.mine(2);
    expect(await heardBy(client)).toEqual([]);
    await server.controls.mine(1);
    await client.paid(1);
  });

  it("of several transfers is told once, with the last one's signature and the sum of those that paid", async () => {
    const payment = await server.create({ reference });
    const client = await follow();
    await execute(payment, 400_000n);
    server.transports.clock.advance(1_000);
    const signature = await execute(payment, 700_000n);
    expect((await client.paid(1))[0]).toMatchObject({ signature, amount: 1_100_000 });
  });

  it("does not count what is still on its way", async () => {
    const payment = await server.create({ reference });
    const client = await follow();
    const signature = await server.pay(payment);
    await server.controls.mine(1);
    server.transports.clock.advance(1_000);
    await server.pay(payment, 5_000_000n);
    await server.controls.mine(1);
    expect((await client.paid(1))[0]).toMatchObject({ signature, amount: 1_000_000, amountAtomic: "1000000" });
  });

  it("of a standing payment is told for every transfer, at its confirmations or final at once", async () => {
    const standing = await server.create({ reference, amountAtomic: null, confirmations: 6 });
    const client = await follow();
    const signatures = [await server.pay(standing, 5n), await server.pay(standing, 7n)];
    await server.controls.mine(5);
    expect(await heardBy(client)).toEqual([]);
    await server.controls.mine(3);
    const payments = (await heardBy(client)).slice(1);
    const told = payments.map(({ signature, amount }) => [signature, amount]).sort();
    expect(told).toEqual(
      [
        [signatures[0], 5],
        [signatures[1], 7],
      ].sort(),
    );
    expect(new Set(payments.map(({ id }) => id)).size).toBe(2);
  });

  it("is not told of a standing payment that was cancelled", async () => {
    const standing = await server.create({ reference, amountAtomic: null });
    const client = await follow();
    await server.pay(standing);
    await server.core.ingest.execute(standing.merchantId, standing.id, { type: "cancel" });
    await server.controls.mine(8);
    expect(await heardBy(client)).toEqual([]);
  });

  it("is not told again when a reorganisation takes it back and it is confirmed once more", async () => {
    const fixed = await server.create({ reference });
    const standing = await server.create({ reference, amountAtomic: null });
    const client = await follow();
    const signatures = [await server.pay(fixed), await server.pay(standing)].sort();
    await server.controls.mine(2);
    await client.paid(2);
    const ids = new Map(client.payments.map(({ signature, id }) => [signature, id]));
    await server.controls.reorg(2);
    await server.controls.mine(8);
    expect(signaturesOf(await heardBy(client)).toSorted()).toEqual(signatures);
    const later = (await heardBy(await follow())).filter(({ signature }) => signatures.includes(signature));
    expect(new Map(later.map(({ signature, id }) => [signature, id]))).toEqual(ids);
    expect(later).toHaveLength(2);
  });

  it("by another transaction, after the first was spent twice, is told as another payment", async () => {
    const payment = await server.create({ reference });
    const client = await follow();
    const first = await execute(payment);
    await client.paid(1);
    await server.controls.reorg(2);
    await server.controls.doubleSpend(first);
    await server.controls.mine(1);
    const second = await execute(payment);
    await client.paid(2);
    expect(signaturesOf(await heardBy(client))).toEqual([first, second]);
  });
});

describe("a client that was cut off and subscribed only once", () => {
  const cutOff = async (client: TributaryClient) => {
    const times = client.io.connects;
    client.io.socket.io.engine.close();
    await client.io.connected(times + 1);
  };

  it("from 4.6 on follows its id again, and hears what it missed and nothing twice", async () => {
    const standing = await server.create({ reference, amountAtomic: null });
    const client = await follow();
    const told = [await execute(standing)];
    await client.paid(1);
    client.io.socket.io.engine.close();
    told.push(await execute(standing));
    await client.io.connected(2);
    told.push(await execute(standing));
    await client.paid(3);
    await cutOff(client);
    told.push(await execute(standing));
    await client.paid(4);
    expect(signaturesOf(await heardBy(client))).toEqual(told);
  });

  it("also where it had heard nothing before, and where it follows several", async () => {
    const ids = [reference, `${reference}-b`, `${reference}-c`];
    const client = await open();
    for (const id of ids) await client.subscribe(id);
    await client.unsubscribe(ids[1]);
    await cutOff(client);
    const told = [await execute(await server.create({ reference: ids[0] as string }))];
    await execute(await server.create({ reference: ids[1] as string }));
    told.push(await execute(await server.create({ reference: ids[2] as string })));
    await client.paid(2);
    expect(signaturesOf(await heardBy(client))).toEqual(told);
    expect(client.acks.slice(4, 6)).toEqual([ids[0], ids[2]].map((id) => `Subscribed to trackingId: ${id}`));
  });

  it("and subscribes again by itself, hears nothing twice either", async () => {
    const client = await open();
    client.io.socket.on("connect", () => client.io.socket.emit("subscribe", { trackingId: reference }));
    await client.subscribe(reference);
    const signature = await execute(await server.create({ reference }));
    await client.paid(1);
    await cutOff(client);
    expect(signaturesOf(await heardBy(client))).toEqual([signature]);
  });

  it.each(["4.0", "4.5"])("with %s is not known again, and hears the window when it subscribes", async (version) => {
    const client = await open({}, version);
    await client.subscribe(reference);
    await cutOff(client);
    const signature = await execute(await server.create({ reference }));
    // What was written before this answer has come.
    await client.unsubscribe("nothing");
    expect(client.payments).toEqual([]);
    await client.subscribe(reference);
    expect((await client.paid(1))[0]).toMatchObject({ signature });
  });
});
