/**
 * The server is killed while Transak clients listen. Each has heard every step of its order in the end, in order, and can
 * tell repeats by their event id; the access token is as good as before. Promises 1, 2 and 3.
 */
import jwt from "jsonwebtoken";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { Api } from "../../testkit/clients/api.ts";
import { type ToldOrder, TransakClient } from "../../testkit/clients/transak-client.ts";
import { ServerProcess } from "../../testkit/server-process.ts";
import { until } from "../../testkit/until.ts";

const API_KEY = "pk_sandbox_paybell";
const ACCESS_TOKEN = "at_sandbox_paybell";
const PATH = ["AWAITING_PAYMENT_FROM_USER", "PAYMENT_DONE_MARKED_BY_USER", "PROCESSING", "COMPLETED"];

let server: ServerProcess;
let api: Api;
const clients: TransakClient[] = [];

beforeAll(async () => {
  server = await ServerProcess.start();
  api = new Api(server.url);
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});
afterAll(() => server.dispose());

async function open(channel: string): Promise<TransakClient> {
  const client = await TransakClient.open(server.port, channel);
  clients.push(client);
  return client;
}

/** What it stands for, each step once, in the order in which it was first heard. */
function steps(orders: readonly ToldOrder[], id: string): string[] {
  const own = orders.filter((order) => order.id === id);
  return [...new Map(own.map((order) => [order.eventId, order.status])).values()];
}
const signed = (client: TransakClient) =>
  client.heard.map(({ data }) => jwt.verify(String(data), ACCESS_TOKEN) as ToldOrder);

it("who was there, and who comes after the restart, know the whole way of the order", async () => {
  const { id } = await api.createPayment({ reference: "restart-1", metadata: { transak: { isBuyOrSell: "BUY" } } });
  const all = await open(API_KEY);
  const order = await open(id);
  const reference = await open(`${API_KEY}_restart-1`);
  await Promise.all([all, order, reference].map((client) => client.hears(1)));
  await api.call("POST", `/v1/payments/${id}/claim`);
  await Promise.all([all, order, reference].map((client) => client.hears(2)));
  for (const client of clients) client.leave();
  await api.pay(id);
  await server.kill9();
  await server.restart();
  await api.mine(2);
  await api.call("POST", `/v1/payments/${id}/delivery`, { to: "delivered" });
  await Promise.all(clients.map((client) => client.comeBack()));

  await until("every step on the API-key channel", () => steps(signed(all), id).length === PATH.length);
  expect(steps(signed(all), id)).toEqual(PATH);
  for (const client of [order, reference, await open(id)]) {
    await until("the last step", () => client.orders.at(-1)?.status === "COMPLETED");
    expect(client.orders.at(-1)?.statusHistories.map(({ status }) => status)).toEqual(PATH);
  }
});

it("a refreshed token of the sandbox is the constant, before and after", async () => {
  const refresh = async () => {
    const headers = { "api-secret": "sk_sandbox_paybell", "content-type": "application/json" };
    const body = JSON.stringify({ apiKey: API_KEY });
    const answer = await fetch(`${server.url}/partners/api/v2/refresh-token`, { method: "POST", headers, body });
    return ((await answer.json()) as { data: { accessToken: string; expiresAt: number } }).data;
  };
  expect(await refresh()).toMatchObject({ accessToken: ACCESS_TOKEN, expiresAt: expect.any(Number) });
  await server.kill9();
  await server.restart();
  expect(await refresh()).toMatchObject({ accessToken: ACCESS_TOKEN });
  const answer = await fetch(`${server.url}/partners/api/v2/orders`, { headers: { "access-token": ACCESS_TOKEN } });
  expect(answer.status).toBe(200);
});
