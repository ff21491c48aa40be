/**
 * The server is killed again and again while Tributary clients listen. In the end each has heard every payment at least
 * once; none twice on one connection, and always in the order of the log. Promises 1, 2 and 3.
 */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Api } from "../../testkit/clients/api.ts";
import { TributaryClient } from "../../testkit/clients/tributary-client.ts";
import { seededRandom } from "../../testkit/seeded-random.ts";
import { ServerProcess } from "../../testkit/server-process.ts";
import { until } from "../../testkit/until.ts";

const PAYMENTS = 60;
const KILLS = 4;
const SEED = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
const REFERENCE = "donations";

/** A client, and what it heard on each of its connections. */
interface Witness {
  client: TributaryClient;
  connections: string[][];
}

let server: ServerProcess;
let witnesses: Witness[];

beforeAll(async () => {
  server = await ServerProcess.start();
});
afterAll(async () => {
  for (const { client } of witnesses) client.close();
  await server.dispose();
});

async function witness(transport: string, version: string, subscribes: "once" | "at each connect"): Promise<Witness> {
  const client = new TributaryClient(server.url, { transports: [transport] }, version);
  const connections: string[][] = [];
  const { socket } = client.io;
  const subscribe = () => socket.emit("subscribe", { trackingId: REFERENCE });
  socket.on("connect", () => connections.push([]));
  socket.on("payment", ({ data }) => connections.at(-1)?.push(data.signature));
  if (subscribes === "once") subscribe();
  else socket.on("connect", subscribe);
  await until("the ack", () => client.acks.length > 0);
  return { client, connections };
}

async function executed(api: Api): Promise<string[]> {
  const { data } = await api.call<{ data: { signature: string }[] }>("GET", `/v1/onetime/${REFERENCE}`);
  return data.map(({ signature }) => signature);
}

it(`every payment reaches every client through ${KILLS} crashes (FAULT_SEED=${SEED})`, {
  timeout: 120_000,
}, async () => {
  witnesses = await Promise.all([
    witness("websocket", "4.8", "once"),
    witness("polling", "4.8", "once"),
    witness("websocket", "4.5", "at each connect"),
    witness("polling", "4.0", "at each connect"),
  ]);
  const api = new Api(server.url);
  const random = seededRandom(SEED);
  const standing = await api.createPayment({ reference: REFERENCE, amount: null });
  for (let round = 0; round < KILLS; round += 1) {
    const paying = (async () => {
      for (let at = 0; at < PAYMENTS / KILLS; at += 1) {
        await api.insist(() => api.pay(standing.id, "5"));
        await api.insist(() => api.mine(1));
      }
    })();
    await delay(random() * 100);
    await server.kill9();
    await server.restart();
    await paying;
  }
  await api.mine(2);
  const all = await executed(api);
  expect(all.length).toBeGreaterThanOrEqual(PAYMENTS);
  for (const { client, connections } of witnesses) {
    await until(
      () => `all ${all.length}; ${new Set(client.signatures).size} came`,
      () => all.every((signature) => client.signatures.includes(signature)),
    );
    expect(connections.length).toBeGreaterThan(KILLS);
    for (const heard of connections) expect(heard).toEqual(all.filter((signature) => heard.includes(signature)));
  }
  // Who follows one id and comes back by what it was given hears nothing twice.
  for (const { client } of witnesses.slice(0, 2)) expect(client.signatures).toEqual(all);
});
