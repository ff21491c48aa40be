/** Everybody who listens during a run: the unmodified libraries and raw sockets of the five documents, and clients with a
 * cursor, all of them through the balancer. */
import { topics } from "../../src/log/topic.ts";
import { PollingClient, SseClient, StreamClient } from "../clients/cursor-client.ts";
import { cryptoShopWitness, TransakWitness, tributaryWitness } from "../clients/witnesses.ts";
import { cryptoShopNews, type Told, transakNews, tributaryNews } from "../expected-news.ts";
import type { Book, Entry } from "./book.ts";
import { CursorListener } from "./cursor-listener.ts";
import type { Front } from "./front.ts";
import type { Listener } from "./listener.ts";
import type { LogView } from "./log-view.ts";
import { KEY } from "./settings.ts";
import { BlockonomicsListener, IdentipayListener } from "./state-listener.ts";
import { type News, WitnessListener } from "./witness-listener.ts";

export interface AudienceOptions {
  front: Front;
  stickyFront: Front;
  book: Book;
  /** Where the log stood when it began. */
  after: string;
  payments: number;
  customers: readonly string[];
  shoppers: readonly string[];
  references: readonly string[];
}

const MERCHANT = "sandbox";
/** Payments of a run that are followed one by one, on each wire that can. */
const FOLLOWED = 36;
/** A Crypto Shop client may join so many. */
const ROOMS = 10;
/** Of 40. A Tributary connection remembers the newest `liveBuffer` executions, 1,000, to tell none of them twice: so many of
 * a run of 5,000 payments are fewer. */
const TILLS = 6;

export class Audience {
  readonly listeners: Listener[] = [];
  readonly #options: AudienceOptions;
  readonly #orders: TransakWitness;

  constructor(options: AudienceOptions) {
    this.#options = options;
    this.#openCursors();
    this.#openShops();
    this.#openTills();
    const { front } = options;
    for (let nth = 0; nth < 2; nth += 1) {
      const everything = TransakWitness.ofMerchant(front.port, "WebSocket");
      this.listeners.push(new WitnessListener("Transak", everything, transakNews));
    }
    this.#orders = new TransakWitness(front.port, "WebSocket");
  }

  /** A payment was made: some are followed by clients of their own. */
  meet(entry: Entry): void {
    const { payments } = this.#options;
    // The first ones are one of each kind.
    const isFollowed = entry.nth < FOLLOWED / 2 || entry.nth % Math.ceil((2 * payments) / FOLLOWED) === 0;
    if (!isFollowed) return;
    const { front, after } = this.#options;
    const { url, wsUrl } = front;
    const { id, nth } = entry;
    const topic = topics.payment(id);
    const own = (log: LogView) => log.ofPayment(id);
    const stream = new StreamClient({ wsUrl, key: null, topic, after });
    this.listeners.push(
      new CursorListener("SSE", { follows: id, client: new SseClient({ url, paymentId: id }) }, own),
      new CursorListener("WebSocket", { follows: topic, client: stream }, own),
      new IdentipayListener(wsUrl, entry),
      new BlockonomicsListener(wsUrl, entry),
    );
    if (nth % 2 === 0) {
      const client = new PollingClient({ url, key: KEY, after, paymentId: id });
      this.listeners.push(new CursorListener("polling", { follows: id, client }, own));
    }
    this.#orders.follow(id);
  }

  async close(): Promise<void> {
    this.#orders.close();
    await Promise.all(this.listeners.map((listener) => listener.close()));
  }

  #openCursors(): void {
    const { front, after, customers, references } = this.#options;
    const { url, wsUrl } = front;
    const watched = [
      topics.merchant(MERCHANT),
      topics.merchant(MERCHANT),
      topics.merchant(MERCHANT),
      topics.stock(MERCHANT),
      topics.customer(MERCHANT, customers[0] as string),
      topics.reference(MERCHANT, references[0] as string),
    ];
    for (const topic of watched) {
      const client = new StreamClient({ wsUrl, key: KEY, topic, after });
      this.listeners.push(new CursorListener("WebSocket", { follows: topic, client }, (log) => log.about(topic)));
    }
    for (let nth = 0; nth < 2; nth += 1) {
      const client = new PollingClient({ url, key: KEY, after });
      this.listeners.push(new CursorListener("polling", { follows: "everything", client }, ({ events }) => events));
    }
  }

  #openShops(): void {
    const { front, stickyFront, customers, shoppers } = this.#options;
    const open = (rooms: readonly string[], url: string, client: { transports: string[] }, products: boolean) => {
      const asks = products ? "once" : "at each connect";
      const witness = cryptoShopWitness({ url, client, asks, customers: rooms, products });
      this.listeners.push(new WitnessListener("Crypto Shop", witness, this.#shopNews(rooms, products)));
    };
    const websocket = { transports: ["websocket"] };
    for (const rooms of inGroups(customers, ROOMS)) open(rooms, front.url, websocket, false);
    for (const rooms of inGroups(shoppers, ROOMS - 1)) open(rooms, front.url, websocket, true);
    open(customers.slice(0, ROOMS), stickyFront.url, { transports: ["polling"] }, false);
  }

  #openTills(): void {
    const { front, stickyFront, references } = this.#options;
    const open = (asks: "once" | "at each connect", url: string, transport: string, trackingIds: readonly string[]) => {
      const witness = tributaryWitness({ url, client: { transports: [transport] }, asks, trackingIds });
      const newsOf: News = (events) => tributaryNews(events).filter(([about]) => trackingIds.includes(about));
      this.listeners.push(new WitnessListener("Tributary", witness, newsOf, { once: true }));
    };
    for (const [nth, trackingIds] of inGroups(references, TILLS).entries()) {
      open(nth % 2 === 0 ? "once" : "at each connect", front.url, "websocket", trackingIds);
    }
    open("at each connect", stickyFront.url, "polling", references.slice(0, TILLS));
  }

  #shopNews(rooms: readonly string[], products: boolean): News {
    const isTold = ([about]: Told): boolean => {
      const entry = this.#options.book.find(about);
      return entry === undefined ? products : rooms.includes(entry.customer ?? "");
    };
    return (events) => cryptoShopNews(events).filter(isTold);
  }
}

function inGroups<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, nth) => all.slice(nth * size, (nth + 1) * size));
}
