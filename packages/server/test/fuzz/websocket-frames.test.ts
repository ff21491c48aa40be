/**
 * 200 malformed frames of every kind, and 200 wrong messages, on each WebSocket: what is no WebSocket ends the
 * connection with the code of RFC 6455; what is a message but a wrong one is answered in the protocol's own words, and
 * where the protocol is silent, with nothing. Nobody else notices.
 */
import { setTimeout as delay } from "node:timers/promises";
import { ERRORS } from "@paybell/protocol";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Api } from "../../testkit/clients/api.ts";
import { StreamClient } from "../../testkit/clients/cursor-client.ts";
import { type FrameParts, frame, OPCODES, RawWebSocket } from "../../testkit/clients/raw-websocket.ts";
import { ServerProcess } from "../../testkit/server-process.ts";
import { until } from "../../testkit/until.ts";
import { eachAtOnce, hostileJson, hostileText, mutatedBytes, runs, shown } from "./hostile.ts";

const EACH = 200;
/** What was damaged may be a frame that never ends. */
const QUIET_MS = 100;
const KEY = "Authorization: Bearer sk_sandbox_paybell";

let server: ServerProcess;
let api: Api;
let listener: StreamClient;
let payment: { id: string; address: string };

interface Route {
  name: string;
  path: () => string;
  headers?: string[];
  /** What the server may say, whatever was sent. */
  mayBeTold: (message: Record<string, unknown>) => boolean;
}

const ROUTES: Route[] = [
  {
    name: "native",
    path: () => "/v1/stream",
    headers: [KEY],
    mayBeTold: ({ type, code }) =>
      type === "error"
        ? code !== "internal_error" && Object.hasOwn(ERRORS, String(code))
        : ["subscribed", "unsubscribed", "snapshot", "event", "pong"].includes(String(type)),
  },
  { name: "Blockonomics", path: () => `/payment/${payment.address}`, mayBeTold: () => false },
  {
    name: "identiPay",
    path: () => `/ws/transactions/${payment.id}`,
    mayBeTold: ({ type, status }) => type === "status" && status === "pending",
  },
];

beforeAll(async () => {
  server = await ServerProcess.start();
  api = new Api(server.url);
  const made = await api.createPayment();
  payment = { id: made.id, address: String(made.address) };
  const start = (await api.call<{ next: string }>("GET", "/v1/events?limit=1")).next;
  listener = new StreamClient({
    wsUrl: server.wsUrl,
    key: "sk_sandbox_paybell",
    topic: "merchant:sandbox",
    after: start,
  });
});
afterAll(async () => {
  await listener?.stop();
  await server?.dispose();
});

const int = (min: number, max: number) => fc.integer({ min, max });
const payload = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
const closeBody = (code: number, reason: Buffer) => {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return Buffer.concat([head, reason]);
};
const NOT_UTF8 = [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82]].map((bytes) =>
  Buffer.from(bytes),
);
const { text, continuation, close, ping, pong, binary } = OPCODES;
const one = (parts: FrameParts) => [frame(parts)];

/** Frames that are none, with the close code that RFC 6455 asks for. */
const WRONG_FRAMES: Record<string, [closeCode: number, frames: fc.Arbitrary<Buffer[]>]> = {
  "is not masked": [
    1002,
    fc
      .tuple(fc.constantFrom(text, binary, ping), payload)
      .map(([opcode, bytes]) => one({ opcode, payload: bytes.subarray(0, 120), masked: false })),
  ],
  "has reserved bits": [
    1002,
    fc
      .tuple(fc.constantFrom(text, binary, ping, close), int(1, 7))
      .map(([opcode, reserved]) => one({ opcode, reserved })),
  ],
  "has an opcode that does not exist": [
    1002,
    fc
      .tuple(fc.constantFrom(3, 4, 5, 6, 7, 11, 12, 13, 14, 15), payload)
      .map(([opcode, bytes]) => one({ opcode, payload: bytes.subarray(0, 120) })),
  ],
  "is a control frame that is too long": [
    1002,
    fc
      .tuple(fc.constantFrom(close, ping, pong), int(126, 5_000))
      .map(([opcode, length]) => one({ opcode, payload: Buffer.alloc(length) })),
  ],
  "is a control frame in pieces": [
    1002,
    fc
      .tuple(fc.constantFrom(close, ping, pong), payload)
      .map(([opcode, bytes]) => one({ opcode, fin: false, payload: bytes.subarray(0, 100) })),
  ],
  "goes on where nothing began": [1002, payload.map((bytes) => one({ opcode: continuation, payload: bytes }))],
  "begins where something goes on": [
    1002,
    fc
      .tuple(fc.constantFrom(text, binary), payload)
      .map(([opcode, bytes]) => [frame({ opcode, fin: false, payload: bytes }), frame({ opcode, payload: bytes })]),
  ],
  "is text that is not UTF-8": [
    1007,
    fc.constantFrom(...NOT_UTF8).map((bytes) => one({ payload: Buffer.concat([Buffer.from("{}"), bytes]) })),
  ],
  "is text that is not UTF-8, in pieces": [
    1007,
    fc
      .constantFrom(...NOT_UTF8)
      .map((bytes) => [
        frame({ fin: false, payload: bytes.subarray(0, 1) }),
        frame({ opcode: continuation, payload: bytes.subarray(1) }),
      ]),
  ],
  "closes with a code that may not be sent": [
    1002,
    fc
      .oneof(int(0, 999), fc.constantFrom(1004, 1005, 1006, 1015, 1016, 2_000, 2_999), int(5_000, 65_535))
      .map((code) => one({ opcode: close, payload: closeBody(code, Buffer.from("x")) })),
  ],
  "closes with half a code": [1002, int(0, 255).map((byte) => one({ opcode: close, payload: Buffer.from([byte]) }))],
  "closes with a reason that is not UTF-8": [
    1007,
    fc.constantFrom(...NOT_UTF8).map((bytes) => one({ opcode: close, payload: closeBody(1000, bytes) })),
  ],
  "says that it is too long": [
    1009,
    fc.oneof(fc.bigInt(16_385n, 70_000n), fc.bigInt(70_000n, 2n ** 53n - 1n)).map((length) => one({ length })),
  ],
  "says that it is longer than numbers go": [
    1009,
    fc.bigInt(2n ** 53n, 2n ** 64n - 1n).map((length) => one({ length })),
  ],
  "is too long in pieces": [
    1009,
    int(1, 16_384).map((length) => [
      frame({ fin: false, payload: Buffer.alloc(length, 0x20) }),
      frame({ opcode: continuation, payload: Buffer.alloc(16_385 - length, 0x20) }),
    ]),
  ],
  "is one of too many pieces": [
    1008,
    fc
      .constantFrom("", "x")
      .map((piece) => [
        frame({ fin: false, payload: piece }),
        ...new Array<Buffer>(300).fill(frame({ opcode: continuation, fin: false, payload: piece })),
      ]),
  ],
};

/** Each of the inputs on a connection of its own, some at once. */
function eachOnItsOwn<T>(route: Route, inputs: T[], tryOut: (client: RawWebSocket, input: T) => Promise<void>) {
  return eachAtOnce(inputs, async (input) => {
    const client = await RawWebSocket.open(server.port, route.path(), route.headers);
    try {
      await tryOut(client, input);
      for (const message of client.messages) expect(message).toSatisfy(route.mayBeTold);
    } finally {
      client.destroy();
      await client.gone;
    }
  });
}

/** A message that is right still gets its answer on another connection, and news still come. */
async function othersNoticeNothing(): Promise<void> {
  const { id } = await api.createPayment();
  await until("the listener to be told", () => listener.told.some((event) => event.paymentId === id));
  expect(listener.connections).toBe(1);
}

describe.each(ROUTES)("on $name", (route) => {
  it.each(Object.entries(WRONG_FRAMES))("a frame that %s ends the connection", async (name, [code, frames]) => {
    await eachOnItsOwn(route, fc.sample(frames, runs(EACH, route.name + name)), async (client, sent) => {
      client.send(...sent);
      await until(`the close after ${shown(sent)}`, () => client.closeCode);
      expect(client.closeCode).toBe(code);
    });
    await othersNoticeNothing();
  });

  it("damaged bytes end the connection, or are a message", async () => {
    const good = Buffer.concat([
      frame({ payload: '{"type":"ping"}' }),
      frame({ opcode: ping, payload: "x" }),
      frame({ fin: false, payload: '{"type":' }),
      frame({ opcode: continuation, payload: '"ping"}' }),
      frame({ opcode: close, payload: closeBody(1000, Buffer.from("bye")) }),
    ]);
    const damaged = fc.oneof(
      mutatedBytes([good]),
      int(0, good.length).map((length) => good.subarray(0, length)),
    );
    await eachOnItsOwn(route, fc.sample(damaged, runs(EACH, route.name)), async (client, bytes) => {
      client.send(bytes);
      await Promise.race([client.gone, delay(QUIET_MS)]);
      const { closeCode } = client;
      if (closeCode !== null) expect([1000, 1002, 1005, 1007, 1008, 1009]).toContain(closeCode);
    });
    await othersNoticeNothing();
  });

  it("wrong messages are answered in its own words, and the connection lives", async () => {
    const requests = [
      { type: "subscribe", topic: `payment:${payment.id}`, after: "1a2b.0.7" },
      { type: "unsubscribe", topic: "merchant:sandbox" },
      { type: "ping" },
      { type: "constructor", key: "sk" },
    ];
    const message = fc
      .oneof(hostileJson(...requests), hostileText)
      .map((string) => Buffer.from(string).subarray(0, 16_000));
    const some = fc.array(message, { minLength: 1, maxLength: 5 });
    await eachOnItsOwn(route, fc.sample(some, runs(EACH, route.name)), async (client, messages) => {
      client.send(
        ...messages.map((bytes) => frame({ payload: bytes.toString() })),
        frame({ opcode: binary, payload: "x" }),
      );
      // Answered when all before it has been read.
      client.send(frame({ opcode: ping, payload: "there?" }));
      await until("the pong", () => client.frames.some(({ opcode }) => opcode === pong));
      expect(client.closeCode).toBeNull();
    });
    await othersNoticeNothing();
  });
});

it("the native one answers every wrong message, and then a right one", async () => {
  const wrong = fc.sample(fc.oneof(hostileJson({ type: "subscribe", topic: "x" }), hostileText), runs(40, "answers"));
  const client = await RawWebSocket.open(server.port, "/v1/stream", [KEY]);
  for (const message of wrong) client.send(frame({ payload: message.toWellFormed().slice(0, 5_000) }));
  client.send(frame({ payload: JSON.stringify({ type: "subscribe", topic: `payment:${payment.id}` }) }));
  await until("the snapshot", () => client.messages.some(({ type }) => type === "snapshot"));
  const errors = client.messages.filter(({ type }) => type === "error");
  expect(errors).toHaveLength(wrong.length);
  client.destroy();
});

it("has told the listener everything, in order and once", async () => {
  const log = await api.allEvents();
  const from = log.findIndex(({ id }) => id === listener.told[0]?.id);
  await until("the end", () => listener.told.length >= log.length - from);
  expect(listener.told.map(({ id }) => id)).toEqual(log.slice(from).map(({ id }) => id));
});
