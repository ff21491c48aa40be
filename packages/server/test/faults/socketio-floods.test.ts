/** Clients that send without end and never read: each is ended, none takes more than its own share, others are served. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { eventPacket } from "../../src/transports/socketio/event-packet.ts";
import { RawPolling } from "../../testkit/clients/raw-engine.ts";
import { frame, OPCODES } from "../../testkit/clients/raw-websocket.ts";
import { SocketIoClient } from "../../testkit/clients/socketio.ts";
import { SocketIoEcho } from "../../testkit/socketio-echo.ts";
import { TransportServer } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";

const WS = "/socket.io/?EIO=4&transport=websocket";
const FLOODERS = 20;
const MESSAGES = 5_000;

let echo: SocketIoEcho;
let server: TransportServer;
let witness: SocketIoClient;

beforeEach(async () => {
  echo = new SocketIoEcho();
  server = await new TransportServer({ socketIoRoutes: [echo] }).listen();
  witness = await new SocketIoClient(`http://127.0.0.1:${server.port}`).connected();
});
afterEach(async () => {
  witness.close();
  await server.close();
});

it.each([
  ["events", frame({ payload: `42["flood","${"x".repeat(1_000)}"]` })],
  ["engine pongs", frame({ payload: "3" })],
  ["WebSocket pings", frame({ opcode: OPCODES.ping, payload: Buffer.alloc(125) })],
  ["empty messages", frame({ payload: "4" })],
])("%s without end, unread", async (_what, message) => {
  const handledBefore = echo.handled.length;
  for (let flooder = 0; flooder < FLOODERS; flooder += 1) {
    const socket = await server.dialDeaf(WS);
    socket.write(frame({ payload: "40" }));
    await until("the namespace", () => echo.connections.length === flooder + 2);
    socket.write(Buffer.concat(Array<Buffer>(MESSAGES).fill(message)));
  }
  await until("every flooder to be ended", () => {
    const { rate_limited = 0, invalid_request = 0, slow_consumer = 0 } = server.connections.counters.ended;
    return rate_limited + invalid_request + slow_consumer >= FLOODERS;
  });
  expect(await witness.ask("still", "here")).toEqual(["here"]);
  await until("their places to be free", () => server.connections.total === 1);
  // Each was heard for one burst, and no longer.
  expect(echo.handled.length - handledBefore - 1).toBeLessThanOrEqual(FLOODERS * server.limits.messagesPerSecond * 2);
  expect([witness.disconnects, server.errors]).toEqual([[], []]);
});

it("bodies without end, while nothing is polled", async () => {
  const url = `http://127.0.0.1:${server.port}/socket.io`;
  const flooders = await Promise.all([...Array(FLOODERS)].map(() => RawPolling.connect(url)));
  await Promise.all(
    flooders.map(async (flooder) => {
      const body = Array<string>(10).fill(`42["flood","${"x".repeat(1_000)}"]`);
      for (let status = 200; status === 200; ) status = (await flooder.push(...body)).status;
    }),
  );
  expect(await witness.ask("still", "here")).toEqual(["here"]);
  await until("their places to be free", () => server.connections.total === 1);
  expect(server.connections.counters.ended).toEqual({ rate_limited: FLOODERS });
});

it("one frame is made for all, however many there are", async () => {
  const several = await Promise.all(
    [...Array(10)].map(() =>
      new SocketIoClient(`http://127.0.0.1:${server.port}`, { transports: ["websocket"] }).connected(),
    ),
  );
  const packet = eventPacket("shared", [{ n: 1 }]);
  for (const connection of echo.connections) connection.send(packet);
  await until("all to have it", () => several.every(({ events }) => events.length === 1));
  expect(packet.frame.toString("utf8", 2)).toBe('42["shared",{"n":1}]');
  for (const client of several) client.close();
});
