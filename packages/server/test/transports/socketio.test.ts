/** The official clients against the transport: every version, both engine transports, with and without TLS. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventPacket } from "../../src/transports/socketio/event-packet.ts";
import {
  type ClientOptions,
  SOCKET_IO_VERSIONS,
  SOCKET_IO_WAYS,
  SocketIoClient,
} from "../../testkit/clients/socketio.ts";
import { selfSigned } from "../../testkit/self-signed.ts";
import { SocketIoEcho } from "../../testkit/socketio-echo.ts";
import { TransportServer, type TransportServerOptions } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";

const tls = selfSigned();
let echo: SocketIoEcho;
let other: SocketIoEcho;
let server: TransportServer;
let clients: SocketIoClient[];

beforeEach(() => {
  echo = new SocketIoEcho();
  other = new SocketIoEcho("/ws/v1");
  clients = [];
});
afterEach(async () => {
  for (const client of clients) client.close();
  await server.close();
  expect(server.errors).toEqual([]);
});

async function start(options: TransportServerOptions = {}): Promise<string> {
  server = await new TransportServer({ socketIoRoutes: [echo, other], ...options }).listen();
  return `${options.tls ? "https" : "http"}://127.0.0.1:${server.port}`;
}

function client(url: string, options: ClientOptions = {}, version?: string): SocketIoClient {
  const made = new SocketIoClient(url, options, version);
  clients.push(made);
  return made;
}

const COMBINATIONS = Object.keys(SOCKET_IO_VERSIONS).flatMap((version) =>
  Object.entries(SOCKET_IO_WAYS).map(([way, transports]) => ({ version, way, transports })),
);

describe.each([
  ["http", {}, {}],
  ["https", { tls }, { ca: tls.cert }],
])("over %s", (_scheme, serverOptions, clientOptions) => {
  it.each(COMBINATIONS)(
    "socket.io-client $version, $way: events both ways, in order",
    async ({ version, transports }) => {
      const url = await start(serverOptions);
      const one = await client(url, { transports, ...clientOptions }, version).connected();
      for (let sent = 0; sent < 20; sent += 1) one.socket.emit("note", { sent, text: "Grüße ✓" });
      await until("twenty echoes", () => one.events.length === 20);
      expect(one.events.map(([, note]) => (note as { sent: number }).sent)).toEqual([...Array(20).keys()]);
      expect(one.events[0]).toEqual(["note", { sent: 0, text: "Grüße ✓" }]);
      if (transports.length === 2) await until("the upgrade", () => one.wire === "websocket");
      expect(one.wire).toBe(transports.at(-1));
      for (let sent = 0; sent < 20; sent += 1) echo.last.send(eventPacket("shared", [sent]));
      await until("twenty events", () => one.events.length === 40);
      expect(one.events.slice(20)).toEqual([...Array(20).keys()].map((sent) => ["shared", sent]));
      one.close();
      await until("the place to be free", () => server.connections.total === 0);
      expect([echo.closes, other.connections.length]).toEqual([1, 0]);
    },
  );
});
