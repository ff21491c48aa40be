/**
 * A running shop moves from SQLite to PostgreSQL while its clients are there. Those with a cursor are told that it has
 * expired and begin anew, complete and in order; those without are told everything again that they may have missed.
 */
import type { MerchantPayment, PaymentEvent } from "@paybell/protocol";
import { expect, test } from "vitest";
import { Api } from "../testkit/clients/api.ts";
import { SseClient } from "../testkit/clients/cursor-client.ts";
import { StreamDiary } from "../testkit/clients/stream-diary.ts";
import { cryptoShopWitness, TransakWitness, tributaryWitness, type Witness } from "../testkit/clients/witnesses.ts";
import { compareNews, cryptoShopNews, type Told, transakNews, tributaryNews } from "../testkit/expected-news.ts";
import { exported, imported, postgresPlace, sqlitePlace } from "../testkit/moving.ts";
import { usePostgres } from "../testkit/postgres.ts";
import { ServerProcess } from "../testkit/server-process.ts";
import { until } from "../testkit/until.ts";

const server = usePostgres();
const KEY = "sk_sandbox_paybell";

function witnesses({ url, port }: ServerProcess): [Witness, (log: readonly PaymentEvent[]) => Told[]][] {
  const [websocket, polling] = [{ transports: ["websocket"] }, { transports: ["polling"] }];
  const [customers, trackingIds] = [["alice", "bob"], ["till"]];
  const shop = { url, customers, products: false } as const;
  const shopNews = (log: readonly PaymentEvent[]) => cryptoShopNews(log.filter(({ data }) => data.payment));
  return [
    [cryptoShopWitness({ ...shop, client: websocket, asks: "once" }), shopNews],
    [cryptoShopWitness({ ...shop, client: polling, asks: "at each connect" }), shopNews],
    [tributaryWitness({ url, client: websocket, asks: "once", trackingIds }), tributaryNews],
    [tributaryWitness({ url, client: polling, asks: "at each connect", trackingIds }), tributaryNews],
    [TransakWitness.ofMerchant(port, "WebSocket"), transakNews],
  ];
}

async function expectHeard([witness, newsOf]: ReturnType<typeof witnesses>[number], log: readonly PaymentEvent[]) {
  const compared = () => compareNews(witness.connections, newsOf(log));
  await until(
    () => `${witness.name}: ${compared().missing.slice(0, 4)}`,
    () => compared().missing.length === 0,
  );
  expect(compared().wrong, witness.name).toEqual([]);
}

/** What comes at first on a stream that is opened with this cursor. */
async function firstOfStream(api: Api, paymentId: string, after: string): Promise<string> {
  const abort = new AbortController();
  const headers = { "last-event-id": after };
  const answer = await fetch(`${api.url}/v1/payments/${paymentId}/events`, { headers, signal: abort.signal });
  let text = "";
  for await (const chunk of answer.body ?? []) {
    text += Buffer.from(chunk).toString();
    if (text.includes("payment.confirming")) break;
  }
  abort.abort();
  return text;
}

/** On polling and on server-sent events; the latter then tell the whole history. */
async function expectExpired(api: Api, paymentId: string, after: string): Promise<void> {
  const expired = { code: "cursor_expired", status: 410 };
  await expect(api.call("GET", `/v1/events?after=${after}`)).rejects.toMatchObject(expired);
  const stream = await firstOfStream(api, paymentId, after);
  expect(stream).toMatch(/event: error\ndata: [^\n]*cursor_expired[\s\S]*payment\.created[\s\S]*payment\.confirming/);
}

/** What was told is told again as it was, but for its position. */
async function expectSamePast(api: Api, before: readonly PaymentEvent[]): Promise<void> {
  const moved = await api.allEvents();
  const withoutPosition = ({ position: _, ...event }: PaymentEvent) => event;
  expect(moved.map(withoutPosition)).toEqual(before.map(withoutPosition));
  expect(moved[0]?.position).not.toBe(before[0]?.position);
}

const sequences = (events: readonly PaymentEvent[]) => events.map(({ sequence }) => sequence);

test("clients of the old server find their way on the new one, and miss nothing", async () => {
  const [from, to] = [await sqlitePlace(), await postgresPlace(server())];
  const old = await ServerProcess.start({ env: from.environment });
  const api = new Api(old.url, KEY);
  const done = await api.createPayment({ reference: "till", customer: "alice" });
  await api.pay(done.id);
  await api.mine(6);
  const open = await api.createPayment({ reference: "till", customer: "bob" });
  const ofPayment = new StreamDiary({ wsUrl: old.wsUrl, key: null, topic: `payment:${open.id}` });
  const ofMerchant = new StreamDiary({ wsUrl: old.wsUrl, key: KEY, topic: "merchant:sandbox" });
  const sse = new SseClient({ url: old.url, paymentId: open.id });
  const ofDocuments = witnesses(old);
  await until("the cursors stand", () => [ofPayment, ofMerchant].every(({ after }) => after !== undefined));
  await api.pay(open.id);
  const before = await api.allEvents();
  const heard = before.filter(({ paymentId }) => paymentId === open.id);
  const isTold = ({ events }: StreamDiary) => events.at(-1)?.id === before.at(-1)?.id;
  await until("they heard of it", () => isTold(ofPayment) && isTold(ofMerchant));
  await until("SSE too", () => sse.told.length === heard.length);
  for (const witness of ofDocuments) await expectHeard(witness, before);
  const page = await api.call<{ next: string }>("GET", "/v1/events");
  const cursors = [ofPayment.after as string, ofMerchant.after as string, page.next];

  await old.stop();
  await imported(to, await exported(from));
  const { port } = old;
  await old.dispose();
  const heardBefore = { payment: ofPayment.messages.length, merchant: ofMerchant.messages.length };
  const next = await ServerProcess.start({ port, env: to.environment });

  await until("they have come back", () => [ofPayment, ofMerchant].every(({ connections }) => connections > 1));
  await until("and begun anew", () => ofPayment.kinds.slice(heardBefore.payment).includes("snapshot"));
  await until("both", () => ofMerchant.kinds.slice(heardBefore.merchant).includes("subscribed"));
  expect(ofPayment.kinds.slice(heardBefore.payment)).toEqual(["cursor_expired", "subscribed", "snapshot"]);
  expect(ofPayment.messages.at(-1)).toMatchObject({ payment: { id: open.id, status: "confirming" } });
  expect(ofMerchant.kinds.slice(heardBefore.merchant)).toEqual(["cursor_expired", "subscribed"]);
  for (const after of cursors) await expectExpired(api, open.id, after);
  await expectSamePast(api, before);
  const listed = await api.call<{ payments: MerchantPayment[] }>("GET", "/v1/payments");
  expect(listed.payments.map(({ id, status }) => [id, status])).toEqual([
    [open.id, "confirming"],
    [done.id, "final"],
  ]);

  await api.mine(6);
  const last = await api.createPayment({ reference: "till", customer: "alice" });
  await api.pay(last.id);
  await api.mine(6);
  await until("all is final", async () => (await api.payment(last.id)).status === "final");
  const log = await api.allEvents();
  const history = log.filter(({ paymentId }) => paymentId === open.id);
  await until("the payment's client", () => ofPayment.events.at(-1)?.position === history.at(-1)?.position);
  await until("the merchant's client", () => ofMerchant.events.at(-1)?.position === log.at(-1)?.position);
  // The snapshot stood at the newest event before the move: nothing is missing behind it, nothing comes twice.
  expect(sequences(ofPayment.events)).toEqual(sequences(history).slice(1));
  expect(ofMerchant.events.map(({ id }) => id)).toEqual(log.slice(-ofMerchant.events.length).map(({ id }) => id));
  await until("the SSE client", () => sse.told.at(-1)?.position === history.at(-1)?.position);
  // What it had, and then the whole history again.
  expect(sequences(sse.told)).toEqual([...sequences(heard), ...sequences(history)]);
  for (const witness of ofDocuments) await expectHeard(witness, log);

  for (const diary of [ofPayment, ofMerchant]) diary.stop();
  for (const [witness] of ofDocuments) witness.close();
  await sse.stop();
  await next.dispose();
  for (const place of [from, to]) await place.remove();
}, 300_000);
