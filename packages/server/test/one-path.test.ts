/**
 * The one path of ARCHITECTURE.md, walked once with the real parts: a transfer on a chain is an Observation, a Transfer,
 * a PaymentEvent, a LogRecord, and in the end a Frame at a client, and each stage comes after the one before it.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StreamMessage } from "@paybell/protocol";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { MemoryBus } from "../src/bus/memory-bus.ts";
import type { WatchSink } from "../src/chains/watcher.ts";
import { Hub } from "../src/fanout/hub.ts";
import { KeyAuthenticator } from "../src/http/key-authenticator.ts";
import { ChainRegistry } from "../src/ingest/chain-registry.ts";
import { systemClock as clock } from "../src/kit/clock.ts";
import { defaultLimits as limits } from "../src/kit/limits.ts";
import { topics } from "../src/log/topic.ts";
import { nativeStream } from "../src/protocols/native/stream.ts";
import { SqliteMerchantStore } from "../src/storage/sqlite/merchant-store.ts";
import { openSandboxCore } from "../testkit/sandbox-core.ts";
import type { ServerCore } from "../testkit/server-core.ts";
import { TransportServer } from "../testkit/transport-server.ts";
import { until } from "../testkit/until.ts";

const AMOUNT = 1_000_000n;
const stages: string[] = [];
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const onError = (error: unknown) => {
  throw error;
};

/** chains/sandbox/sandbox-watcher.ts → ingest/: what the watcher reports is noted on its way. */
function noting(sink: WatchSink): WatchSink {
  return {
    watches: (recipient) => sink.watches(recipient),
    refresh: () => sink.refresh(),
    cursor: () => sink.cursor(),
    openTransfers: () => sink.openTransfers(),
    apply: (report) => {
      for (const { txId, status } of report.observations) stages.push(`observation ${status} ${txId}`);
      return sink.apply(report);
    },
  };
}

/** log/event-log.ts → fanout/hub.ts */
async function fanOut(core: ServerCore): Promise<Hub> {
  const bus = new MemoryBus({ onError });
  core.log.onAppended((records) => {
    for (const { type, offset } of records) stages.push(`record ${offset} ${type}`);
    bus.publish(records);
  });
  const hub = new Hub({ log: core.log, bus, pollIntervalMs: 1_000, pageSize: 100, onError });
  await hub.start();
  undo.push(() => hub.stop());
  return hub;
}

/** fanout/subscriber.ts → protocols/native/ → transports/websocket/ → a client of the payment. */
async function follow(core: ServerCore, hub: Hub, paymentId: string): Promise<StreamMessage[]> {
  const merchants = new SqliteMerchantStore(core.database);
  const authenticator = new KeyAuthenticator({ merchants, clock, mode: "sandbox", hosts: {} });
  const { log, store: payments } = core;
  const route = nativeStream(
    {
      log,
      hub,
      payments,
      merchants,
      authenticator,
      clock,
      limits,
      mode: "sandbox",
      allowedOrigins: [],
      onError,
    },
    new ChainRegistry([]),
  );
  const server = await new TransportServer({ routes: [route] }).listen();
  undo.push(() => server.close());
  const frames: StreamMessage[] = [];
  const client = new WebSocket(`ws://127.0.0.1:${server.port}/v1/stream`);
  client.on("message", (data) => {
    const message = JSON.parse(String(data)) as StreamMessage;
    frames.push(message);
    if (message.type === "event") stages.push(`frame ${message.event.type}`);
  });
  await new Promise((resolve) => client.once("open", resolve));
  client.send(JSON.stringify({ type: "subscribe", topic: topics.payment(paymentId) }));
  await until("the snapshot", () => frames.some((frame) => frame.type === "snapshot"));
  return frames;
}

test("chain → watcher → ingest → decide → log → hub → subscriber → protocol → transport → client", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "paybell-path-"));
  undo.push(() => rm(dataDir, { recursive: true }));
  const { core, chain, watcher, close } = await openSandboxCore(dataDir, noting);
  undo.push(close);
  const hub = await fanOut(core);
  const { payment } = await core.create({ asset: "SBX", amountAtomic: AMOUNT });
  const frames = await follow(core, hub, payment.id);

  stages.length = 0;
  const txId = await chain.pay({ recipient: payment.recipient as string, asset: "SBX", amountAtomic: AMOUNT });
  await watcher.settled();
  await until("the frames", () => stages.includes("frame payment.confirming"));

  expect(stages).toEqual([
    `observation seen ${txId}`,
    "record 2 transfer.seen",
    "record 3 payment.confirming",
    "frame transfer.seen",
    "frame payment.confirming",
  ]);
  const [transfer] = (await core.payment(payment.id)).transfers;
  expect(transfer).toMatchObject({ txId, status: "seen", amountAtomic: AMOUNT });
  const told = frames.flatMap((frame) => (frame.type === "event" ? [frame.event] : []));
  expect(told.map(({ paymentId, sequence, data }) => [paymentId, sequence, data.payment?.status])).toEqual([
    [payment.id, 2, "pending"],
    [payment.id, 3, "confirming"],
  ]);
  const logged = await core.eventsOf(payment.id);
  expect(logged.slice(1).map(({ id }) => id)).toEqual(told.map(({ id }) => id));
});
