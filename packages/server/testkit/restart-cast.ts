/**
 * Clients of every wire, with every version of the libraries that the documents name, who listen while servers come and
 * go and come back by nothing but their own logic; and what they must have heard in the end (promise 3).
 */
import type { MerchantPayment, PaymentEvent } from "@paybell/protocol";
import { expect } from "vitest";
import { BlockonomicsClient } from "./clients/blockonomics-client.ts";
import { type CursorClient, PollingClient, SseClient, StreamClient } from "./clients/cursor-client.ts";
import { type IdentipayClient, IdentipaySocket, IdentipayStream } from "./clients/identipay-client.ts";
import { SOCKET_IO_VERSIONS } from "./clients/socketio.ts";
import {
  type Asks,
  cryptoShopWitness,
  PUSHER_WAYS,
  type PusherWay,
  TransakWitness,
  tributaryWitness,
  type Witness,
} from "./clients/witnesses.ts";
import { compareNews, cryptoShopNews, type Told, transakNews, tributaryNews } from "./expected-news.ts";
import { until } from "./until.ts";

/** Where the clients find the servers. */
export interface Address {
  url: string;
  wsUrl: string;
  port: number;
}

export interface CastOptions {
  key: string;
  /** Position in the log at which they begin. */
  after: string;
  customers: readonly string[];
  references: readonly string[];
  /** Of pusher-js. Up to 8.0 it gives WebSockets up for good when two were closed within four minutes of their opening, and
   * in Node orderly closes count as well: such a one outlives one restart. */
  pusherVersions: readonly string[];
  /** Does pusher-js decide alone when it comes back? It waits 15 seconds and more where nobody answers. */
  patientPusher: boolean;
}

type NewsOf = (log: readonly PaymentEvent[]) => Told[];

/** Clients from 4.6 on are known again; older ones ask at each connect. */
const KNOWN_AGAIN = "4.8";

export class RestartCast {
  readonly #address: Address;
  readonly #ofMerchant: CursorClient[];
  readonly #witnesses: [Witness, NewsOf][];
  readonly #ofPayment = new Map<
    string,
    { sse: SseClient; identipay: IdentipayClient[]; address: BlockonomicsClient }
  >();

  constructor(address: Address, options: CastOptions) {
    this.#address = address;
    const { url, wsUrl } = address;
    const { key, after } = options;
    this.#ofMerchant = [
      new StreamClient({ wsUrl, key, topic: "merchant:sandbox", after }),
      new PollingClient({ url, key, after }),
    ];
    this.#witnesses = [...socketIoWitnesses(url, options), ...pusherWitnesses(address.port, options)];
  }

  /** One more payment is followed by those wires that follow single ones. */
  follow({ id, address }: Pick<MerchantPayment, "id" | "address">): void {
    if (address === null) throw new Error("The sandbox's payments have addresses.");
    const { url, wsUrl } = this.#address;
    this.#ofPayment.set(id, {
      sse: new SseClient({ url, paymentId: id }),
      identipay: [new IdentipaySocket(wsUrl, id), new IdentipayStream(url, id)],
      address: new BlockonomicsClient({ wsUrl, address }),
    });
  }

  /** Resolves when all are connected for so many times. */
  async connected(times = 1): Promise<void> {
    for (const client of this.#ofMerchant) await until("a merchant's client", () => client.connections >= times);
    for (const [{ name, connections }] of this.#witnesses) {
      await until(`${name}, for the ${times}. time`, () => connections.length >= times);
    }
    for (const { sse, identipay, address } of this.#ofPayment.values()) {
      await until("server-sent events", () => sse.connections >= times);
      for (const client of identipay) await until("identiPay", () => client.connections.length >= times);
      await until("Blockonomics", () => address.connections.length >= times);
    }
  }

  /** Cursor clients: everything, once, in order. Witnesses: everything at least once, each connection in order and nothing
   * twice. identiPay and Blockonomics: how it stands in the end, and on no connection backwards. */
  async expectHeard(log: readonly PaymentEvent[]): Promise<void> {
    for (const client of this.#ofMerchant) await expectExactly(client, log);
    for (const [witness, newsOf] of this.#witnesses) await expectNews(witness, newsOf(log));
    for (const [id, { sse, identipay, address }] of this.#ofPayment) {
      const history = log.filter(({ paymentId }) => paymentId === id);
      const txId = history.at(-1)?.data.payment?.txId ?? null;
      await expectExactly(sse, history);
      for (const client of identipay) await expectSettled(client, txId);
      await until("status 2 of an address", () => address.connections.at(-1)?.at(-1)?.status === 2);
      for (const told of address.connections) {
        const statuses = told.map(({ status }) => status);
        expect(statuses).toEqual([...new Set(statuses)].sort());
        expect(told.every(({ txid }) => txid === txId)).toBe(true);
      }
    }
  }

  async stop(): Promise<void> {
    for (const client of this.#ofMerchant) await client.stop();
    for (const [witness] of this.#witnesses) witness.close();
    for (const { sse, identipay, address } of this.#ofPayment.values()) {
      await sse.stop();
      for (const client of identipay) client.stop();
      address.stop();
    }
  }
}

function socketIoWitnesses(url: string, { customers, references }: CastOptions): [Witness, NewsOf][] {
  const ways = Object.keys(SOCKET_IO_VERSIONS).flatMap((version) => [
    { version, transports: ["websocket"] },
    { version, transports: ["polling"] },
  ]);
  return ways.flatMap(({ version, transports }): [Witness, NewsOf][] => {
    const asks: Asks = version === KNOWN_AGAIN ? "once" : "at each connect";
    const common = { url, client: { transports }, asks, version };
    return [
      [cryptoShopWitness({ ...common, customers, products: false }), cryptoShopNews],
      [tributaryWitness({ ...common, trackingIds: references }), tributaryNews],
    ];
  });
}

function pusherWitnesses(port: number, given: CastOptions): [Witness, NewsOf][] {
  const { pusherVersions, patientPusher: isPatient } = given;
  const versions = pusherVersions.map((version): [PusherWay, string] => ["WebSocket", version]);
  const fallbacks = (Object.keys(PUSHER_WAYS) as PusherWay[]).filter((way) => way !== "WebSocket");
  const all = [...versions, ...fallbacks.map((way): [PusherWay, string] => [way, "newest"])];
  return all.map(([way, version]) => [TransakWitness.ofMerchant(port, way, { version, isPatient }), transakNews]);
}

const line = ({ position, id, type, paymentId, sequence }: PaymentEvent) =>
  `${position} ${id} ${type} ${paymentId} ${sequence}`;

async function expectExactly(client: CursorClient, events: readonly PaymentEvent[]): Promise<void> {
  await until(
    () => `${events.length} events; ${client.told.length} came`,
    () => client.told.length >= events.length,
  );
  expect(client.told.map(line)).toEqual(events.map(line));
}

async function expectNews({ name, connections }: Witness, expected: readonly Told[]): Promise<void> {
  const compared = () => compareNews(connections, expected);
  await until(
    () => `${name}: ${compared().missing.length} of ${expected.length}, like ${compared().missing.slice(0, 4)}`,
    () => compared().missing.length === 0,
  );
  expect(compared().wrong, name).toEqual([]);
}

async function expectSettled({ connections }: IdentipayClient, suiTxDigest: string | null): Promise<void> {
  await until(
    () => `settled, after ${JSON.stringify(connections)}`,
    () => connections.at(-1)?.at(-1)?.status === "settled",
  );
  expect(connections.at(-1)?.at(-1)?.suiTxDigest).toBe(suiTxDigest);
  for (const told of connections) {
    expect(told[0]?.type ?? "status").toBe("status");
    const statuses = told.map(({ status }) => status);
    expect([["pending"], ["settled"], ["pending", "settled"], []]).toContainEqual(statuses);
  }
}
