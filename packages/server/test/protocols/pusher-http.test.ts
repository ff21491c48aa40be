/**
 * Pusher over HTTP: the official library for backends asks, signs and authorises; what is stale, altered or not signed
 * is refused. Source: Pusher Channels, "HTTP API reference".
 */
import { createHash, createHmac } from "node:crypto";
import Pusher from "pusher";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SANDBOX_PUSHER_APP } from "../../src/config/pusher.ts";
import { ProtocolServer } from "../../testkit/protocol-server.ts";
import { authOf } from "../../testkit/pusher-server.ts";
import type { TestClient } from "../../testkit/transport-server.ts";
import { until } from "../../testkit/until.ts";

let server: ProtocolServer;
let pusher: Pusher;
let secretKey: string;
let publishableKey: string;

beforeAll(async () => {
  server = await ProtocolServer.start({ limits: { pusherChannelsListed: 5 } });
  secretKey = await server.addKey("secret");
  publishableKey = await server.addKey("publishable");
  pusher = library();
});
afterAll(async () => {
  await server.stop();
  expect(server.errors).toEqual([]);
});

function library(more: object = {}): Pusher {
  return new Pusher({
    appId: SANDBOX_PUSHER_APP.id,
    key: String(SANDBOX_PUSHER_APP.keys[0]),
    secret: String(SANDBOX_PUSHER_APP.secret),
    encryptionMasterKeyBase64: String(SANDBOX_PUSHER_APP.encryptionMasterKey?.toString("base64")),
    useTLS: false,
    host: "127.0.0.1",
    port: String(server.transports.port),
    ...more,
  });
}

/** What the library's own clock, which is the machine's, says. */
function setClock(): void {
  const { clock } = server.transports;
  clock.advance(Date.now() - clock.nowMs());
}

async function client(): Promise<{ client: TestClient; socketId: string }> {
  const opened = await server.transports.open("/app/paybell?protocol=7");
  await until("the connection to be established", () => opened.received.length > 0);
  const { data } = opened.messages[0] as { data: string };
  return { client: opened, socketId: (JSON.parse(data) as { socket_id: string }).socket_id };
}

async function answers(target: TestClient, message: object): Promise<Record<string, unknown> | undefined> {
  const before = target.received.length;
  target.send(message);
  await until("an answer", () => target.received.length > before);
  return target.messages[before];
}

const subscribeTo = (channel: string, more: object = {}) => ({ event: "pusher:subscribe", data: { channel, ...more } });

describe("the read side of the HTTP API", () => {
  it("the official library reads which channels are occupied, and by how many", async () => {
    setClock();
    const first = await client();
    const second = await client();
    await answers(first.client, subscribeTo("nobody-a"));
    await answers(first.client, subscribeTo("nobody-b"));
    await answers(second.client, subscribeTo("nobody-a"));
    const ask = async (path: string, params: Record<string, string> = {}) =>
      (await pusher.get({ path, params })).json() as Promise<unknown>;
    expect(await ask("/channels")).toEqual({ channels: { "nobody-a": {}, "nobody-b": {} } });
    expect(await ask("/channels", { filter_by_prefix: "nobody-b", info: "subscription_count" })).toEqual({
      channels: { "nobody-b": { subscription_count: 1 } },
    });
    expect(await ask("/channels/nobody-a", { info: "subscription_count" })).toEqual({
      occupied: true,
      subscription_count: 2,
    });
    expect(await ask("/channels/nobody-a")).toEqual({ occupied: true });
    expect(await ask("/channels/nobody-c")).toEqual({ occupied: false });
    second.client.send({ event: "pusher:unsubscribe", data: { channel: "nobody-a" } });
    first.client.terminate();
    await until("both to be gone", async () => JSON.stringify(await ask("/channels")) === '{"channels":{}}');
    second.client.terminate();
  });

  it("so many channels that an answer would be too large are refused, and can be narrowed", async () => {
    setClock();
    const { client: many } = await client();
    for (let n = 0; n < 5; n += 1) await answers(many, subscribeTo(`many-${n}`));
    expect((await pusher.get({ path: "/channels" })).status).toBe(200);
    await answers(many, subscribeTo("one-more"));
    await expect(pusher.get({ path: "/channels" })).rejects.toMatchObject({ status: 413 });
    expect((await pusher.get({ path: "/channels", params: { filter_by_prefix: "one" } })).status).toBe(200);
    many.terminate();
  });

  it("publishing is refused, and users cannot be counted", async () => {
    setClock();
    await expect(pusher.trigger("a", "PAID", {})).rejects.toMatchObject({ status: 403 });
    await expect(pusher.triggerBatch([{ channel: "a", name: "PAID", data: "" }])).rejects.toMatchObject({
      status: 403,
    });
    await expect(pusher.get({ path: "/channels", params: { info: "user_count" } })).rejects.toMatchObject({
      status: 400,
      body: expect.stringContaining("presence"),
    });
  });

  it("a wrong secret, key or app is refused", async () => {
    setClock();
    for (const wrong of [{ secret: "another secret" }, { key: "other" }, { appId: "other" }]) {
      await expect(library(wrong).get({ path: "/channels" })).rejects.toMatchObject({ status: 401 });
    }
  });

  const signed = (parameters: Record<string, string>, method = "GET", path = "/apps/paybell/channels") => {
    const query = Object.keys(parameters)
      .sort()
      .map((name) => `${name}=${parameters[name]}`)
      .join("&");
    const signature = createHmac("sha256", String(SANDBOX_PUSHER_APP.secret))
      .update([method, path, query].join("\n"))
      .digest("hex");
    return `${server.url}${path}?${query}&auth_signature=${signature}`;
  };
  const auth = (awaySeconds = 0) => ({
    auth_key: "paybell",
    auth_timestamp: String(Math.floor(server.transports.clock.nowMs() / 1_000) + awaySeconds),
    auth_version: "1.0",
  });
  const statusOf = async (url: string, init: RequestInit = {}) => (await fetch(url, init)).status;

  it.each([
    [-600, 200],
    [600, 200],
    [-602, 401],
    [602, 401],
  ])("a call signed %i seconds away is %i", async (awaySeconds, status) => {
    expect(await statusOf(signed(auth(awaySeconds)))).toBe(status);
  });

  it("a call cannot be replayed once its time has passed", async () => {
    const url = signed(auth());
    expect(await statusOf(url)).toBe(200);
    server.transports.clock.advance(601_000);
    const late = await fetch(url);
    expect([late.status, late.headers.get("content-type"), await late.text()]).toEqual([
      401,
      "text/plain; charset=utf-8",
      "auth_timestamp is more than 600 s from the server's time",
    ]);
  });

  it("what was altered or left out is refused", async () => {
    const good = signed(auth());
    const { auth_timestamp: _timestamp, ...timeless } = auth();
    const bad = [
      good.replace("auth_key=paybell", "auth_key=1d9ffac87de599c61283"),
      `${good}&info=subscription_count`,
      good.slice(0, -1),
      `${server.url}/apps/paybell/channels`,
      signed(timeless),
      signed({ ...auth(), auth_timestamp: "now" }),
      signed({ ...auth(), auth_version: "2.0" }),
      signed(auth(), "GET", "/apps/paybell/channels/x").replace("/x?", "/y?"),
      `${server.url}/apps/paybell/channels?%E0%A4%A=1`,
      signed(auth(), "POST"),
    ];
    for (const url of bad) expect(await statusOf(url)).toBe(401);
    // Signed is the text itself, whatever the client escaped on its way.
    const asked = { ...auth(), filter_by_prefix: "a=b@c" };
    expect(await statusOf(signed(asked).replace("a=b@c", "a%3Db%40c"))).toBe(200);
  });

  it("a body must be the one that was signed", async () => {
    const body = '{"name":"x","channel":"y","data":"{}"}';
    const md5 = createHash("md5").update(body).digest("hex");
    const url = signed({ ...auth(), body_md5: md5 }, "POST", "/apps/paybell/events");
    expect(await statusOf(url, { method: "POST", body })).toBe(403);
    expect(await statusOf(url, { method: "POST", body: `${body} ` })).toBe(401);
    expect(await statusOf(signed(auth(), "POST", "/apps/paybell/events"), { method: "POST", body })).toBe(401);
    const large = await fetch(url, { method: "POST", body: "x".repeat(300_000) });
    expect([large.status, large.headers.get("content-type")]).toEqual([413, "text/plain; charset=utf-8"]);
  });
});

describe("POST /pusher/auth", () => {
  const authorise = (body: string, headers: Record<string, string> = {}, key: string | null = secretKey) =>
    fetch(`${server.url}/pusher/auth`, {
      method: "POST",
      body,
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...headers,
      },
    });
  const form = (fields: Record<string, string>) => new URLSearchParams(fields).toString();
  const JSON_TYPE = { "content-type": "application/json" };

  it("signs for a channel of the merchant whose key asks, as a form and as JSON, and the client gets in", async () => {
    const { client: opened, socketId } = await client();
    const channel = `private-${publishableKey}`;
    const fields = { socket_id: socketId, channel_name: channel };
    const answer = (await (await authorise(form(fields))).json()) as { auth: string };
    expect(answer).toEqual({ auth: authOf(`${socketId}:${channel}`) });
    expect(await (await authorise(JSON.stringify(fields), JSON_TYPE)).json()).toEqual(answer);
    expect(await answers(opened, subscribeTo(channel, answer))).toMatchObject({
      event: "pusher_internal:subscription_succeeded",
    });
    opened.terminate();
  });

  it("signs channel data with it, and gives the secret of an encrypted channel as the official library does", async () => {
    const socketId = "1.2";
    const channel = `private-encrypted-${publishableKey}`;
    const library = pusher.authorizeChannel(socketId, channel);
    expect(await (await authorise(form({ socket_id: socketId, channel_name: channel }))).json()).toEqual(library);
    const fields = { socket_id: socketId, channel_name: channel, channel_data: '{"user_id":"1"}' };
    expect(await (await authorise(form(fields))).json()).toEqual({
      auth: authOf(`${socketId}:${channel}:{"user_id":"1"}`),
      channel_data: '{"user_id":"1"}',
      shared_secret: library.shared_secret,
    });
  });

  it("whose channel it is not, who has no secret key, and what is no private channel, is refused", async () => {
    await server.addMerchant("other");
    const otherKey = await server.addKey("secret", "other");
    const fields = { socket_id: "1.2", channel_name: `private-${publishableKey}` };
    const statusOf = async (more: Record<string, string>, key: string | null = secretKey) =>
      (await authorise(form({ ...fields, ...more }), {}, key)).status;
    expect(await statusOf({})).toBe(200);
    expect(await statusOf({ app_key: "1d9ffac87de599c61283" })).toBe(200);
    expect(await statusOf({}, otherKey)).toBe(403);
    expect(await statusOf({}, publishableKey)).toBe(403);
    expect(await statusOf({}, "sk_sandbox_unknown")).toBe(401);
    expect(await statusOf({}, null)).toBe(401);
    expect(await statusOf({ app_key: "other" })).toBe(422);
    expect(await statusOf({ channel_name: "private-nobody" })).toBe(403);
    for (const channel_name of ["public", "presence-x", "private-", "private-#", ""]) {
      expect(await statusOf({ channel_name })).toBe(400);
    }
    for (const socket_id of ["", "1", "1.2:private-x", "1.2 ", "a.b"]) expect(await statusOf({ socket_id })).toBe(400);
    expect(await statusOf({ more: "x" })).toBe(400);
    expect((await authorise("[]", JSON_TYPE)).status).toBe(400);
  });
});
