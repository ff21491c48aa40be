/** What is no Engine.IO, no Socket.IO or no event: it ends that connection at most, or is answered as the engine does. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RawPolling } from "../../testkit/clients/raw-engine.ts";
import { SocketIoClient } from "../../testkit/clients/socketio.ts";
import { SocketIoEcho } from "../../testkit/socketio-echo.ts";
import { TransportServer } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";

const WS = "/socket.io/?EIO=4&transport=websocket";
const DEEP = 2_000;

let echo: SocketIoEcho;
let server: TransportServer;
let url: string;
let witness: SocketIoClient;

beforeEach(async () => {
  echo = new SocketIoEcho();
  server = await new TransportServer({ socketIoRoutes: [echo] }).listen();
  url = `http://127.0.0.1:${server.port}`;
  witness = await new SocketIoClient(url).connected();
});
afterEach(async () => {
  expect(await witness.ask("still", "here")).toEqual(["here"]);
  expect(witness.disconnects).toEqual([]);
  witness.close();
  await server.close();
  expect(server.errors).toEqual([]);
});

const BAD_PACKETS = {
  "an unknown engine packet": "9",
  "a ping, which is the server's": "2",
  "an unknown Socket.IO packet": "4abc",
  "no Socket.IO packet": "4",
  "an event that is no list": '42{"a":1}',
  "an event that is no JSON": '42["a",',
  "an event with the client's own name": '42["connect"]',
  "an event named disconnect": '42["disconnect"]',
  "an event named newListener": '42["newListener"]',
  "an acknowledgement that is no list": "431{}",
  "an error packet of the server's": '44{"message":"x"}',
  "a second connect": "40",
  "a packet for another namespace": '42/other,["a"]',
  "a disconnect with a payload": "41[]",
  "attachments without a number": '45-["a"]',
  "attachments that are not whole": '451.5-["a"]',
  "too many attachments": '4511-["a"]',
  "a text where an attachment should be": '451-["a",{"_placeholder":true,"num":0}]\x1e42["b"]',
};

describe.each([
  ["WebSocket", true],
  ["polling", false],
])("over %s, ends its own connection:", (_way, isWebSocket) => {
  it.each(Object.entries(BAD_PACKETS))("%s", async (_what, packets) => {
    const places = server.connections.total;
    if (isWebSocket) {
      const raw = await server.open(WS);
      raw.send("40");
      await until("the namespace", () => echo.connections.length === 2);
      for (const packet of packets.split("\x1e")) raw.send(packet);
      await raw.closed;
    } else {
      const raw = await RawPolling.connect(`${url}/socket.io`);
      await raw.push(packets);
      let status = 200;
      while (status === 200) status = (await raw.poll()).status;
      expect(status).toBe(400);
    }
    await until("the place to be free", () => server.connections.total === places);
    await until("the protocol to know", () => echo.closes === 1);
    expect(echo.handled).toEqual([]);
  });
});

it("tells the protocol why, where it was the client's fault", async () => {
  const raw = await server.open(WS);
  raw.send("40");
  await until("the namespace", () => echo.connections.length === 2);
  raw.send("4abc");
  await raw.closed;
  expect(raw.received.at(-1)).toBe('42["farewell","invalid_request"]');
  expect(server.connections.counters.ended).toEqual({ invalid_request: 1 });
});

it("a binary frame without an event to belong to ends it; with one, the event has a Buffer", async () => {
  const raw = await server.open(WS);
  raw.send("40");
  await until("the namespace", () => echo.connections.length === 2);
  raw.send('451-["b",{"_placeholder":true,"num":0}]');
  raw.ws.send(Buffer.from([1, 2, 3]));
  await until("the event", () => echo.handled.length === 1);
  expect(echo.handled[0]).toEqual({ name: "b", args: [Buffer.from([1, 2, 3])] });
  raw.ws.send(Buffer.from([4]));
  await raw.closed;
});

it.each([
  ["a placeholder beyond the attachments", '451-["b",{"_placeholder":true,"num":5}]'],
  ["a placeholder with no number", '451-["b",{"_placeholder":true,"num":"__proto__"}]'],
])("%s ends it when the attachment comes", async (_what, packet) => {
  const raw = await server.open(WS);
  raw.send("40");
  await until("the namespace", () => echo.connections.length === 2);
  raw.send(packet);
  raw.ws.send(Buffer.from([1]));
  await raw.closed;
  expect(echo.handled).toEqual([]);
});

it("what is an event reaches the protocol as it came, and nothing is taken for a name of ours", async () => {
  const events: [string, string, unknown[]][] = [
    ['["error"]', "error", []],
    ['["__proto__",{"__proto__":{"polluted":true}}]', "__proto__", [JSON.parse('{"__proto__":{"polluted":true}}')]],
    ['["constructor",null]', "constructor", [null]],
    ['["",1e999]', "", [Number.POSITIVE_INFINITY]],
    [`["deep",${"[".repeat(DEEP)}${"]".repeat(DEEP)}]`, "deep", [JSON.parse("[".repeat(DEEP) + "]".repeat(DEEP))]],
    ['17["with an acknowledgement asked for",1]', "with an acknowledgement asked for", [1]],
  ];
  echo.onEvent = () => undefined;
  const raw = await server.open(WS);
  raw.send("40");
  await until("the namespace", () => echo.connections.length === 2);
  for (const [text] of events) raw.send(`42${text}`);
  // No event at all, one whose name is a number, and an acknowledgement that nobody waits for: nothing happens.
  for (const packet of ["42", "42[1]", "435[]"]) raw.send(packet);
  raw.send('42["last"]');
  await until("the last", () => echo.handled.at(-1)?.name === "last");
  expect(echo.handled.slice(0, -1)).toEqual(events.map(([, name, args]) => ({ name, args })));
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  raw.terminate();
  echo.onEvent = (name, args, connection) => new SocketIoEcho().onEvent(name, args, connection);
});

it("other namespaces are refused by name, the main one is open all the same", async () => {
  const raw = await server.open(WS);
  raw.send("40/admin,");
  await until("the refusal", () => raw.received.length === 2);
  expect(raw.received[1]).toBe('44/admin,{"message":"Invalid namespace"}');
  raw.send("40");
  await until("the namespace", () => echo.connections.length === 2);
  raw.terminate();
});

it("two connects in one body make one socket", async () => {
  const raw = await RawPolling.open(`${url}/socket.io`);
  await raw.push("40", "40");
  await until("the namespace", () => echo.connections.length === 2);
  const packets = (await raw.packets()).map((packet) => packet.slice(0, 2));
  expect(packets.sort()).toEqual(["40", "44"]);
  expect(echo.connections).toHaveLength(2);
});

describe("requests", () => {
  const ask = async (query: string, init?: RequestInit, slash = "/") => {
    const response = await fetch(`${url}/socket.io${slash}?${query}`, init);
    return { status: response.status, body: (await response.json()) as { code?: number; error?: { code: string } } };
  };

  it.each([
    ["no query", ""],
    ["no transport", "EIO=4"],
    ["an unknown transport", "EIO=4&transport=carrier-pigeon"],
    ["a transport that is a name of every object", "EIO=4&transport=__proto__"],
    ["an older protocol", "EIO=3&transport=polling"],
    ["an unknown connection", "EIO=4&transport=polling&sid=abc"],
    ["a connection that is a name of every object", "EIO=4&transport=polling&sid=__proto__"],
    ["a WebSocket without an upgrade", "EIO=4&transport=websocket"],
  ])("%s: the engine's own 400", async (_what, query) => {
    for (const slash of ["", "/"]) {
      const { status, body } = await ask(query, {}, slash);
      expect([status, typeof body.code]).toEqual([400, "number"]);
    }
  });

  it("another method is refused, and the connection lives", async () => {
    const raw = await RawPolling.connect(`${url}/socket.io`);
    for (const method of ["PUT", "DELETE", "PATCH"]) expect((await raw.ask({ method })).status).toBe(405);
    await raw.push('42["alive"]');
    expect(await raw.packets()).toEqual(['42["alive"]']);
  });

  it("a request of a WebSocket's connection that is none is answered at once", async () => {
    const raw = await server.open(WS);
    await until("the handshake", () => raw.received.length === 1);
    const { sid } = JSON.parse(raw.received[0]?.slice(1) ?? "") as { sid: string };
    expect((await ask(`EIO=4&transport=websocket&sid=${sid}`)).status).toBe(400);
    expect((await ask(`EIO=4&transport=polling&sid=${sid}`)).status).toBe(400);
    raw.terminate();
  });

  it.each(["EIO=3&transport=websocket", "EIO=4&transport=polling", "EIO=4&transport=websocket&sid=abc"])(
    "an upgrade with %s is refused as HTTP",
    async (query) => {
      await expect(server.client(`/socket.io/?${query}`).opened).rejects.toMatchObject({ status: 400 });
    },
  );

  it("two polls at once end it", async () => {
    const raw = await RawPolling.connect(`${url}/socket.io`);
    const answers = await Promise.all([raw.poll(), raw.poll()]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400]);
    await until("the protocol to know", () => echo.closes === 1);
  });

  it("binary bodies, which only older clients send, end it", async () => {
    const raw = await RawPolling.connect(`${url}/socket.io`);
    const headers = { "content-type": "application/octet-stream" };
    expect((await raw.ask({ method: "POST", body: "42[]", headers })).status).toBe(400);
    await until("the protocol to know", () => echo.closes === 1);
  });

  it("other paths are not ours", async () => {
    for (const path of ["/socket.io/socket.io.js", "/socket.io//", "/socket.iox", "/SOCKET.IO/"]) {
      expect((await fetch(`${url}${path}?EIO=4&transport=polling`)).status).toBe(404);
    }
  });
});
