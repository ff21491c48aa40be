/** What a load balancer needs to keep a polling client on the process that has its session. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { SocketIoEcho } from "../../testkit/socketio-echo.ts";
import { TransportServer } from "../../testkit/transport-server.ts";

let server: TransportServer;
let engine: string;

beforeEach(async () => {
  server = await new TransportServer({ socketIoRoutes: [new SocketIoEcho()] }).listen();
  engine = `http://127.0.0.1:${server.port}/socket.io/?EIO=4&transport=polling`;
});
afterEach(() => server.close());

async function open(): Promise<{ sid: string; header: string | null }> {
  const answer = await fetch(engine);
  const { sid } = JSON.parse((await answer.text()).slice(1)) as { sid: string };
  return { sid, header: answer.headers.get("paybell-session") };
}

it("the answer that opens a session names it in a header, each its own", async () => {
  const sessions = await Promise.all(Array.from({ length: 20 }, open));
  for (const { sid, header } of sessions) expect(header).toBe(sid);
  expect(new Set(sessions.map(({ sid }) => sid)).size).toBe(20);
});

it("later answers do not, nor those that open nothing", async () => {
  const { sid } = await open();
  const sent = await fetch(`${engine}&sid=${sid}`, { method: "POST", body: "40" });
  const polled = await fetch(`${engine}&sid=${sid}`);
  const unknown = await fetch(`${engine}&sid=nobody`);
  expect([sent.status, polled.status, unknown.status]).toEqual([200, 200, 400]);
  for (const answer of [sent, polled, unknown]) expect(answer.headers.get("paybell-session")).toBeNull();
});
