/** The moment in which a WebSocket takes over from polling: what waited comes first, whatever the client hurries. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { eventPacket } from "../../src/transports/socketio/event-packet.ts";
import { RawPolling } from "../../testkit/clients/raw-engine.ts";
import { frame, RawWebSocket } from "../../testkit/clients/raw-websocket.ts";
import { SocketIoEcho } from "../../testkit/socketio-echo.ts";
import { TransportServer } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";

let echo: SocketIoEcho;
let server: TransportServer;

beforeEach(async () => {
  echo = new SocketIoEcho();
  server = await new TransportServer({ socketIoRoutes: [echo] }).listen();
});
afterEach(async () => {
  await server.close();
  expect(server.errors).toEqual([]);
});

it("what waited for a poll goes before the answer to what came with the upgrade", async () => {
  const polling = await RawPolling.connect(`http://127.0.0.1:${server.port}/socket.io`);
  for (const place of [1, 2]) echo.last.send(eventPacket("waited", [place]));
  await new Promise(setImmediate);
  const ws = await RawWebSocket.open(server.port, `/socket.io/?EIO=4&transport=websocket&sid=${polling.sid}`);
  // In one write: the client does not wait for the answer to its probe.
  ws.send(...["2probe", "5", '42["asked",3]'].map((payload) => frame({ payload })));
  await until("all answers", () => ws.frames.length >= 4);
  expect(ws.frames.map(({ text }) => text)).toEqual(["3probe", '42["waited",1]', '42["waited",2]', '42["asked",3]']);
  ws.destroy();
});
