/** What a ZMQ endpoint may send: anything. The feed tells of what is bitcoind's, leaves the rest aside, and goes on. */

import type { AddressInfo } from "node:net";
import { createServer, type Server, type Socket } from "node:net";
import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Publisher } from "zeromq";
import { ZmqFeed } from "../../src/chains/bitcoin/zmq-feed.ts";
import { until } from "../../testkit/until.ts";
import { runs } from "./hostile.ts";

const HASH = Buffer.alloc(32, 0x11);
const LAST = Buffer.from("the last transaction");

let publisher: Publisher;
let endpoint: string;
let feed: ZmqFeed | null = null;
let noZmq: Server;
const open = new Set<Socket>();
const heard = { transactions: [] as Buffer[], added: [] as string[], trouble: 0 };

const listener = {
  onTransaction: (raw: Buffer) => heard.transactions.push(raw),
  onBlock: () => undefined,
  onMempoolAdded: (txId: string) => heard.added.push(txId),
  onMempoolRemoved: () => undefined,
  onGap: () => undefined,
  onTrouble: () => {
    heard.trouble += 1;
  },
};

beforeEach(async () => {
  Object.assign(heard, { transactions: [], added: [], trouble: 0 });
  publisher = new Publisher({ sendHighWaterMark: 0, linger: 0 });
  await publisher.bind("tcp://127.0.0.1:*");
  endpoint = String(publisher.lastEndpoint);
  // Answers as a web server would, and then with whatever comes to its mind.
  noZmq = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => open.delete(socket));
    socket.write(Buffer.concat([Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"), Buffer.alloc(500, 0xff)]));
  });
  await new Promise<void>((resolve) => noZmq.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  await feed?.stop();
  feed = null;
  publisher.close();
  for (const socket of open) socket.destroy();
  await new Promise((resolve) => noZmq.close(resolve));
});

/** Until a subscriber is there, what is published goes nowhere. */
async function subscribed(): Promise<void> {
  await until("the subscriber", async () => {
    await publisher.send(["rawtx", Buffer.from("are you there?"), Buffer.alloc(4)]);
    return heard.transactions.length > 0;
  });
}

it("tells of good messages whatever comes between them", async () => {
  feed = new ZmqFeed({ rawtx: endpoint, sequence: endpoint }, listener);
  await feed.start();
  await subscribed();
  const bytes = fc.uint8Array({ maxLength: 60 }).map((values) => Buffer.from(values));
  const topic = fc.oneof(
    fc.constantFrom("rawtx", "sequence", "rawtxx", "sequences").map((name) => Buffer.from(name)),
    bytes.map((end) => Buffer.concat([Buffer.from("sequence"), end])),
  );
  const body = fc.oneof(
    bytes,
    fc.constantFrom("A", "R", "C", "D", "x").map((label) => Buffer.concat([HASH, Buffer.from(label)])),
  );
  const message = fc.tuple(topic, fc.array(fc.oneof(body, bytes), { maxLength: 4 }));
  for (const [name, frames] of fc.sample(message, runs(1_000))) await publisher.send([name, ...frames]);
  await publisher.send(["sequence", Buffer.concat([HASH, Buffer.from("A"), Buffer.alloc(8)]), Buffer.alloc(4)]);
  await publisher.send(["rawtx", LAST, Buffer.from([9, 9, 9, 9])]);
  await until("the last message", () => heard.transactions.some((raw) => raw.equals(LAST)));
  expect(heard.added.at(-1)).toBe(HASH.toString("hex"));
  expect(heard.trouble).toBeGreaterThan(100);
});

it("hears one endpoint while the other does not speak ZMQ at all", async () => {
  const { port } = noZmq.address() as AddressInfo;
  feed = new ZmqFeed({ rawtx: endpoint, sequence: `tcp://127.0.0.1:${port}` }, listener);
  await feed.start();
  await until("it to be asked", () => open.size > 0);
  await subscribed();
  await publisher.send(["rawtx", LAST, Buffer.alloc(4)]);
  await until("the last message", () => heard.transactions.some((raw) => raw.equals(LAST)));
});
