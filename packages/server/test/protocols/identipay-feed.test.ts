/** The moment at which a client joins: the first message is never older than what came before it, and nothing is lost
 * or told twice between reading and listening. The store is the real one; the test only says when it answers. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PaymentStore } from "../../src/log/store.ts";
import type { Payment } from "../../src/payments/payment.ts";
import { Places } from "../../src/protocols/identipay/places.ts";
import { type FeedClient, type FeedContext, TransactionFeed } from "../../src/protocols/identipay/transaction-feed.ts";
import { TransactionSocket } from "../../src/protocols/identipay/transaction-socket.ts";
import type { Connection, Frame } from "../../src/transports/websocket/connection.ts";
import { ProtocolServer } from "../../testkit/protocol-server.ts";
import { until } from "../../testkit/until.ts";

let server: ProtocolServer;

beforeAll(async () => {
  server = await ProtocolServer.start();
});
afterAll(() => server.stop());

interface Following {
  feed: TransactionFeed;
  told: string[];
  ended: string[];
  places: Places;
}

function contextWith(snapshot: PaymentStore["snapshot"]): FeedContext {
  const { limits } = server.transports;
  return {
    log: server.core.log,
    hub: server.hub,
    payments: { snapshot },
    limits,
    onError: (error) => {
      throw error;
    },
    places: new Places({ limits, mode: "live" }),
  };
}

function follow(payment: Payment, context: FeedContext): Following {
  const told: string[] = [];
  const ended: string[] = [];
  const client: FeedClient = {
    remoteAddress: "192.0.2.1",
    tell: (json) => void told.push(`${JSON.parse(json).type} ${JSON.parse(json).status}`),
    refuse: (code, json) => void ended.push(`${code} ${JSON.parse(json).message}`),
    end: (code) => void ended.push(code),
    writable: async () => {},
  };
  return { feed: new TransactionFeed(context, payment.id, client), told, ended, places: context.places };
}

async function settle(payment: Payment): Promise<void> {
  await server.pay(payment);
  await server.controls.mine(2);
  await until("the hub to have it", async () => server.hub.offset >= (await server.core.log.head()));
}

const read = (id: string) => server.core.store.snapshot(id);

describe("a settlement", () => {
  it("that is committed after the state was read comes after it", async () => {
    const payment = await server.create();
    const { feed, told } = follow(
      payment,
      contextWith(async (id) => {
        const old = await read(id);
        await settle(payment);
        return old;
      }),
    );
    await feed.follow();
    expect(told).toEqual(["status pending", "settlement settled"]);
    feed.close();
  });

  it("that is committed before the state is read is in it, and not told again", async () => {
    const payment = await server.create();
    const { feed, told } = follow(
      payment,
      contextWith(async (id) => {
        await settle(payment);
        return read(id);
      }),
    );
    await feed.follow();
    expect(told).toEqual(["status settled"]);
    feed.close();
  });

  it("that was taken back meanwhile is told in order", async () => {
    const payment = await server.create();
    await settle(payment);
    const { feed, told } = follow(
      payment,
      contextWith(async (id) => {
        const old = await read(id);
        await server.controls.reorg(2);
        await server.controls.mine(2);
        return old;
      }),
    );
    await feed.follow();
    await until("the last", () => told.length === 3);
    expect(told).toEqual(["status settled", "status pending", "settlement settled"]);
    feed.close();
  });
});

describe("while the state is being read", () => {
  it("a client that leaves is told nothing and holds nothing", async () => {
    const payment = await server.create();
    const following = follow(
      payment,
      contextWith(async (id) => {
        following.feed.close();
        return read(id);
      }),
    );
    await following.feed.follow();
    expect([following.told, following.ended, following.places.size, server.hub.topicCount]).toEqual([[], [], 0, 0]);
  });

  it("a payment that is deleted is not found, whatever was read", async () => {
    const payment = await server.create();
    const { feed, told, ended, places } = follow(
      payment,
      contextWith(async (id) => {
        const old = await read(id);
        await server.core.ingest.execute(payment.merchantId, id, { type: "erase" });
        return old;
      }),
    );
    await feed.follow();
    expect([told, ended, places.size]).toEqual([["status pending"], ["not_found Transaction not found"], 0]);
  });
});

it("a settlement is one frame in memory, however many clients get it", async () => {
  const payment = await server.create();
  const context = { ...contextWith(read), clock: server.transports.clock };
  const frames: Frame[][] = [];
  const sockets = Array.from({ length: 5 }, () => {
    const sent: Frame[] = [];
    frames.push(sent);
    const connection = {
      id: "",
      remoteAddress: "192.0.2.1",
      closed: false,
      send: (frame) => void sent.push(frame),
      serve: () => {},
      writable: async () => {},
      end: () => {},
      endWith: () => {},
    } satisfies Connection;
    const url = new URL("ws://localhost/");
    const request = { url, params: { transactionId: payment.id }, headers: {}, remoteAddress: "192.0.2.1" };
    return new TransactionSocket(context, connection, request);
  });
  await until("the first messages", () => frames.every((sent) => sent.length === 1));
  await settle(payment);
  await until("the settlements", () => frames.every((sent) => sent.length === 2));
  for (const sent of frames) expect(sent[1]).toBe(frames[0]?.[1]);
  for (const socket of sockets) socket.onClose();
  expect(context.places.size).toBe(0);
});
