/**
 * The one path of ARCHITECTURE.md, walked once with the real parts: a transfer on a chain is an Observation, a Transfer,
 * a PaymentEvent, a LogRecord, and in the end a Frame at a client, and each stage comes after the one before it.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StreamMessage } from "@paybell/protocol";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { MemoryBus } from "../src/bus/memory-bus.ts";
import { Hub } from "../src/fanout/hub.ts";
import { KeyAuthenticator } from "../src/http/key-authenticator.ts";
import { systemClock } from "../src/kit/clock.ts";
import { defaultLimits } from "../src/kit/limits.ts";
import { topics } from "../src/log/topic.ts";
import { nativeStream } from "../src/protocols/native/stream.ts";
import { SqliteMerchantStore } from "../src/storage/sqlite/merchant-store.ts";
import { TrustedProxies } from "../src/transports/client-address.ts";
import { Connections } from "../src/transports/connections.ts";
import { WebSocketTransport } from "../src/transports/websocket/server.ts";
import { openSandboxCore } from "../testkit/sandbox-core.ts";
import { until } from "../testkit/until.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

test("chain → watcher → ingest → decide → log → hub → subscriber → protocol → transport → client", async () => {
  const stages: string[] = [];
  const fail = (error: unknown) => {
    throw error;
  };
  const dataDir = await mkdtemp(join(tmpdir(), "paybell-path-"));
  undo.push(() => rm(dataDir, { recursive: true }));

  // chains/sandbox/sandbox-watcher.ts → ingest/
  const { core, chain, watcher, close } = await openSandboxCore(dataDir, (sink) => ({
    watches: (recipient) => sink.watches(recipient),
    cursor: () => sink.cursor(),
    openTransfers: () => sink.openTransfers(),
    apply: (report) => {
      for (const { txId, status } of report.observations) stages.push(`observation ${status} ${txId}`);
      return sink.apply(report);
    },
  }));
  undo.push(close);

  // log/event-log.ts → fanout/hub.ts
  const bus = new MemoryBus({ onError: fail });
  core.log.onAppended((records) => {
    for (const { type, offset } of records) stages.push(`record ${offset} ${type}`);
    bus.publish(records);
  });
  const hub = new Hub({ log: core.log, bus, pollIntervalMs: 1_000, pageSize: 100, onError: fail });
  await hub.start();
  undo.push(() => hub.stop());

  // fanout/subscriber.ts → protocols/native/ → transports/websocket/
  const merchants = new SqliteMerchantStore(core.database);
  const clock = systemClock;
  const connections = new Connections({ limits: defaultLimits, clock, onError: fail });
  const proxies = new TrustedProxies([]);
  const transport = new WebSocketTransport({ connections, proxies, limits: defaultLimits, clock, onError: fail });
  transport.mount(
    nativeStream({
      log: core.log,
      hub,
      payments: core.store,
      merchants,
      authenticator: new KeyAuthenticator({ merchants, clock, mode: "sandbox", hosts: {} }),
      clock,
      limits: defaultLimits,
      mode: "sandbox",
      onError: fail,
    }),
  );
  const http = createServer().on("upgrade", (request, socket, head) => {
    transport.handleUpgrade(request, socket, head);
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  undo.push(async () => {
    await connections.drain({ withinMs: 0 });
    http.close();
  });

  const { payment } = await core.create({ asset: "SBX", amountAtomic: 1_000_000n });
  const frames: StreamMessage[] = [];
  const client = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/v1/stream`);
  client.on("message", (data) => {
    const message = JSON.parse(String(data)) as StreamMessage;
    frames.push(message);
    if (message.type === "event") stages.push(`frame ${message.event.type}`);
  });
  await new Promise((resolve) => client.once("open", resolve));
  client.send(JSON.stringify({ type: "subscribe", topic: topics.payment(payment.id) }));
  await until("the snapshot", () => frames.some((frame) => frame.type === "snapshot"));

  stages.length = 0;
  const txId = await chain.pay({ recipient: payment.recipient as string, asset: "SBX", amountAtomic: 1_000_000n });
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
  expect(transfer).toMatchObject({ txId, status: "seen", amountAtomic: 1_000_000n });
  const told = frames.flatMap((frame) => (frame.type === "event" ? [frame.event] : []));
  expect(told.map(({ paymentId, sequence, data }) => [paymentId, sequence, data.payment?.status])).toEqual([
    [payment.id, 2, "pending"],
    [payment.id, 3, "confirming"],
  ]);
  const logged = await core.eventsOf(payment.id);
  expect(logged.slice(1).map(({ id }) => id)).toEqual(told.map(({ id }) => id));
});
