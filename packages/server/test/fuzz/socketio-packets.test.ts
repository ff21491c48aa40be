/**
 * Damaged packets, bodies, frames and requests on the Socket.IO transport: whatever comes, the connection either goes
 * on as if nothing had been said, or ends and gives its place back. Nobody else notices.
 */
import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RawPolling } from "../../testkit/clients/raw-engine.ts";
import { exchange } from "../../testkit/clients/raw-http.ts";
import { frame, OPCODES, RawWebSocket } from "../../testkit/clients/raw-websocket.ts";
import { SocketIoClient } from "../../testkit/clients/socketio.ts";
import { SocketIoEcho } from "../../testkit/socketio-echo.ts";
import { TransportServer } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";
import { BIRTH_NAMES, eachAtOnce, hostileJson, hostileText, mutatedBytes, mutatedText, runs } from "./hostile.ts";

const EACH = 300;
const WS = "/socket.io/?EIO=4&transport=websocket";
const SANE = '42["sane"]';

let echo: SocketIoEcho;
let server: TransportServer;
let url: string;
let witness: SocketIoClient;

beforeAll(async () => {
  echo = new SocketIoEcho();
  // The clock stands still, so that no rate recovers.
  const limits = { messagesPerSecond: 10_000, keylessRequestsPerSecond: 100_000 };
  server = await new TransportServer({ socketIoRoutes: [echo], limits }).listen();
  url = `http://127.0.0.1:${server.port}/socket.io`;
  witness = await new SocketIoClient(`http://127.0.0.1:${server.port}`).connected();
});
afterAll(async () => {
  // Those that were opened by chance, and asked for nothing.
  server.clock.advance(server.limits.handshakeTimeoutMs);
  server.connections.beat();
  await until("all places to be free but one", () => server.connections.total === 1);
  expect(await witness.ask("still", "here")).toEqual(["here"]);
  expect([witness.disconnects, server.errors]).toEqual([[], []]);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  witness.close();
  await server.close();
});

const VALID = [
  '42["subscribe",{"trackingId":"abc"}]',
  '42["join-user","64f0c0ffee"]',
  '4217["asked",1,null,[true]]',
  '451-["binary",{"_placeholder":true,"num":0}]',
  '40{"token":"t","pid":"aaaaaaaaaaaaaaaaaaaa","offset":"x"}',
  "41",
  "43[]",
  "2probe",
  "5",
  "3",
];

const args = hostileJson(
  ["subscribe", { trackingId: "abc" }],
  ["join-user", "64f0c0ffee"],
  ["b", { _placeholder: true, num: 0 }],
);
const packet = fc.oneof(
  mutatedText(VALID),
  fc
    .tuple(fc.constantFrom("42", "40", "41", "43", "44", "4217", "451-", "452-", "461-", "42/x,"), args)
    .map(([type, data]) => type + data),
  fc
    .tuple(fc.constantFrom("", "4", "42", "45", "b", "b4", "0", "1", "6"), hostileText)
    .map(([type, text]) => type + text),
  fc.constantFrom(...BIRTH_NAMES).map((name) => `42["${name}",{"__proto__":{"polluted":1}}]`),
);

/** Resolves when it is gone, or answers what is sane. */
async function endsOrGoesOn(client: RawWebSocket): Promise<void> {
  let isGone = false;
  void client.gone.then(() => {
    isGone = true;
  });
  const seen = client.frames.length;
  // A sane text may be where an attachment should be; then this one ends it.
  client.send(frame({ payload: SANE }), frame({ payload: SANE }));
  await until(
    () => `an end or an echo, after ${client.frames.map(({ text }) => text)}`,
    () => isGone || client.closeCode !== null || client.frames.slice(seen).some(({ text }) => text === SANE),
  );
}

describe("over WebSocket", () => {
  it(`${EACH} damaged packets, before and after the namespace`, async () => {
    const inputs = fc.sample(
      fc.tuple(fc.boolean(), fc.array(packet, { minLength: 1, maxLength: 3 })),
      runs(EACH, "packets"),
    );
    await eachAtOnce(inputs, async ([isConnected, packets]) => {
      const client = await RawWebSocket.open(server.port, WS);
      if (isConnected) {
        client.send(frame({ payload: "40" }));
        await until("the namespace", () => client.frames.length === 2);
      }
      for (const text of packets) client.send(frame({ payload: text }));
      if (isConnected) await endsOrGoesOn(client);
      else await delay(5);
      client.destroy();
      await client.gone;
    });
  });

  it(`${EACH} damaged frames`, async () => {
    const samples = VALID.map((text) => frame({ payload: text })).concat(
      frame({ opcode: OPCODES.binary, payload: Buffer.from([1, 2, 3]) }),
      frame({ opcode: OPCODES.ping, payload: Buffer.from("p") }),
      frame({ opcode: OPCODES.close, payload: Buffer.from([0x03, 0xe8]) }),
    );
    await eachAtOnce(fc.sample(mutatedBytes(samples), runs(EACH, "frames")), async (bytes) => {
      const client = await RawWebSocket.open(server.port, WS);
      client.send(frame({ payload: "40" }));
      client.send(bytes);
      await delay(5);
      client.destroy();
      await client.gone;
    });
  });
});

it(`over polling: ${EACH} damaged bodies`, async () => {
  const inputs = fc.sample(
    fc.tuple(fc.boolean(), fc.array(packet, { minLength: 1, maxLength: 4 })),
    runs(EACH, "bodies"),
  );
  await eachAtOnce(inputs, async ([isConnected, packets]) => {
    const client = isConnected ? await RawPolling.connect(url) : await RawPolling.open(url);
    await client.push(...packets);
    // What was said may have ended it; then it is unknown. Else it says sane things, and at last leaves.
    await client.push("41", "1");
    const answer = await client.poll();
    expect([200, 400]).toContain(answer.status);
    for (let status = answer.status; status === 200; ) status = (await client.poll()).status;
  });
});

it(`${EACH} damaged requests`, async () => {
  const methods = fc.constantFrom("GET", "POST", "PUT", "OPTIONS", "HEAD", "DELETE", "get", "PROPFIND");
  const value = fc.oneof(
    fc.constantFrom("4", "3", "polling", "websocket", "webtransport", "", "0", "true", ...BIRTH_NAMES),
    hostileText.map((text) => encodeURIComponent(text.toWellFormed()).slice(0, 500)),
    fc.constantFrom("%", "%zz", "%E0%A4%A", "4&EIO=3", "polling&transport=websocket", "x#y", "[]", "a[b]=c"),
  );
  const query = fc.record(
    { EIO: value, transport: value, sid: value, j: value, b64: value, t: value },
    { requiredKeys: [] },
  );
  const good = fc.constantFrom(
    {},
    { EIO: "4" },
    { EIO: "4", transport: "polling" },
    { EIO: "4", transport: "websocket" },
  );
  const headers = fc.constantFrom(
    "",
    "Upgrade: websocket\r\nConnection: Upgrade\r\n",
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 99\r\nSec-WebSocket-Key: x\r\n",
    "Origin: null\r\n",
    "Content-Length: 3\r\n",
    "Content-Type: application/octet-stream\r\nContent-Length: 0\r\n",
  );
  const slashes = fc.constantFrom("/socket.io", "/socket.io/", "//socket.io/", "/socket.io/?", "http://x/socket.io/");
  const inputs = fc.sample(fc.tuple(methods, slashes, good, query, headers), runs(EACH, "requests"));
  await eachAtOnce(inputs, async ([method, path, base, damaged, head]) => {
    const pairs = Object.entries({ ...damaged, ...base }).map(([name, text]) => `${name}=${text}`);
    const bytes = `${method} ${path}?${pairs.join("&")} HTTP/1.1\r\nHost: localhost\r\n${head}\r\nabc`;
    for (const { status } of await exchange(server.port, Buffer.from(bytes), 300)) expect(status).toBeLessThan(500);
  });
});
