/** A client that goes while the server is still looking something up for it. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { authOf, PusherServer, SHOP_APP } from "../../testkit/pusher-server.ts";
import { until } from "../../testkit/until.ts";

let server: PusherServer;

beforeEach(async () => {
  server = await new PusherServer().listen();
});
afterEach(async () => {
  await server.close();
  expect(server.errors).toEqual([]);
});

it.each(["beforeOpen", "beforeAuthorize"] as const)("who leaves in %s leaves nothing behind", async (moment) => {
  const channel = "private-his";
  const lookUp = Promise.withResolvers<void>();
  let isAsked = false;
  server.news.owners.set("his", "shop");
  const { client, socketId } = await server.connect("/app/shop-key?protocol=7");
  server.news[moment] = () => {
    isAsked = true;
    return lookUp.promise;
  };
  const auth = authOf(`${socketId}:${channel}`, SHOP_APP);
  client.send({ event: "pusher:subscribe", data: { channel, auth } });
  await until("the look-up", () => isAsked);
  client.terminate();
  await until("the end", () => server.connections.total === 0);
  lookUp.resolve();
  await new Promise(setImmediate);
  expect(server.news.subscriptions).toEqual([]);
  expect(server.pusher.occupancy.of(SHOP_APP.id).size).toBe(0);
});
