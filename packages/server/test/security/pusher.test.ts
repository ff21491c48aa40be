/** What the Pusher transport opens in live mode, and to whom the sandbox answers on the paths beside the HTTP API. */
import { request } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SANDBOX_PUSHER_APP } from "../../src/config/pusher.ts";
import { FallbackClient } from "../../testkit/fallback-client.ts";
import { authOf } from "../../testkit/pusher-server.ts";
import { until } from "../../testkit/until.ts";
import { Edges } from "../limits/edge.ts";

const DOCUMENT_KEY = "1d9ffac87de599c61283";
const LIVE = { mode: "live" } as const;
let at: Edges;

beforeEach(() => {
  at = new Edges();
});
afterEach(() => at.end());

describe("live mode", () => {
  it.each([...SANDBOX_PUSHER_APP.keys])("without an app of its own refuses the key %s with 4001", async (key) => {
    const server = await at.start({}, LIVE);
    expect((await at.socket(server, `/app/${key}?protocol=7`).closed).code).toBe(4001);
    const fallback = new FallbackClient(`${server.url}/pusher/app/${key}/1/abcdefgh`);
    await fallback.read("xhr");
    expect(fallback.lines).toEqual(["o", expect.stringContaining("c[4001,")]);
    expect((await fetch(`${server.url}/apps/paybell/channels`)).status).toBe(401);
  });

  it("an app of a key alone opens public channels, whatever the sandbox's secret signs", async () => {
    const file = { pusher: { apps: [{ id: "transak", key: DOCUMENT_KEY }] } };
    const server = await at.start({}, { ...LIVE, file });
    const client = await at.open(server, `/app/${DOCUMENT_KEY}?protocol=7`);
    await until("the connection to be established", () => client.received.length > 0);
    const { data } = client.messages[0] as { data: string };
    const { socket_id: socketId } = JSON.parse(data) as { socket_id: string };
    const auth = authOf(`${socketId}:private-x`).replace("paybell:", `${DOCUMENT_KEY}:`);
    client.send({ event: "pusher:subscribe", data: { channel: "private-x", auth } });
    client.send({ event: "pusher:subscribe", data: { channel: "some-order" } });
    await until("both answers", () => client.received.length === 3);
    expect(client.messages.slice(1).map(({ event }) => event)).toEqual([
      "pusher:subscription_error",
      "pusher_internal:subscription_succeeded",
    ]);
  });
});

describe("the sandbox", () => {
  it("answers on the HTTP fallback, too, only under names of this machine", async () => {
    const server = await at.start({});
    const { port } = new URL(server.url);
    const statusFor = (host: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        const path = "/pusher/app/paybell/1/abcdefgh/xhr?protocol=7";
        const asked = request({ port, path, method: "POST", headers: { host } }, (response) => {
          response.resume().once("end", () => resolve(response.statusCode));
        });
        asked.on("error", reject).end();
      });
    expect(await statusFor("evil.example")).toBe(403);
    expect(await statusFor("localhost")).toBe(200);
  });
});
