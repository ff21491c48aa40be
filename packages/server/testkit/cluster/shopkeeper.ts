/** Plays the stories of `kinds.ts` as a merchant's people would: creates, pays, cancels, reports, and notes what was
 * answered. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { MerchantPayment, Order } from "@paybell/protocol";
import { ApiError } from "../clients/api.ts";
import { PROPOSAL } from "../clients/identipay-shop.ts";
import type { Book, Entry, Reported } from "./book.ts";
import type { CarefulBackend } from "./careful-backend.ts";
import type { Kind } from "./kinds.ts";
import { REPORTED_CHAIN } from "./settings.ts";

/** Of payments that are to expire within the run. */
const SHORT_SECONDS = 2;
const AMOUNT = 1_000_000n;

export interface ShopkeeperOptions {
  backend: CarefulBackend;
  book: Book;
  products: readonly string[];
  references: readonly string[];
  customers: readonly string[];
  /** Of orders, one pending order each. */
  shoppers: readonly string[];
  onMade: (entry: Entry) => void;
}

export class Shopkeeper {
  readonly #options: ShopkeeperOptions;
  /** What waits for time to pass, beside the stories that go on. */
  readonly #waiting: Promise<void>[] = [];

  constructor(options: ShopkeeperOptions) {
    this.#options = options;
  }

  /** Resolves when nothing waits any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#waiting);
  }

  async play(nth: number, kind: Kind): Promise<void> {
    const entry = this.#options.book.open(nth, kind);
    await this.#stories[kind](entry);
    if (kind !== "paid late") entry.isOver = true;
  }

  readonly #stories: Readonly<Record<Kind, (entry: Entry) => Promise<void>>> = {
    "paid at once": async (entry) => {
      await this.#create(entry);
      await this.#pay(entry, AMOUNT);
    },
    // Whoever watches may hear of the payment and of its block in the same moment.
    "paid at once, in a block at once": async (entry) => {
      await this.#create(entry);
      await Promise.all([this.#pay(entry, AMOUNT), this.#options.backend.post("/v1/sandbox/mine", { blocks: 1 })]);
    },
    "paid in two parts": async (entry) => {
      await this.#create(entry);
      await this.#pay(entry, 400_000n);
      await this.#pay(entry, AMOUNT - 400_000n);
    },
    order: async (entry) => {
      await this.#order(entry);
      await this.#pay(entry, entry.amount as bigint);
    },
    "order, cancelled": async (entry) => {
      await this.#order(entry);
      await this.#cancel(entry);
    },
    "order, expired": async (entry) => {
      await this.#order(entry, { expiresInSeconds: SHORT_SECONDS });
    },
    proposal: async (entry) => {
      await this.#propose(entry);
      await this.#pay(entry, entry.amount as bigint);
    },
    standing: async (entry) => {
      await this.#create(entry, { amount: null });
      for (let nth = 0n; nth < 3n; nth += 1n) await this.#pay(entry, 1_000n + nth);
    },
    "double-spent, paid again": async (entry) => {
      await this.#create(entry);
      await this.#pay(entry, AMOUNT);
      if (await this.#doubleSpend(entry)) await this.#pay(entry, AMOUNT);
    },
    "double-spent": async (entry) => {
      await this.#create(entry, { expiresInSeconds: SHORT_SECONDS });
      await this.#pay(entry, AMOUNT);
      await this.#doubleSpend(entry);
    },
    cancelled: async (entry) => {
      await this.#create(entry);
      await this.#cancel(entry);
    },
    "cancelled, then paid": async (entry) => {
      await this.#create(entry);
      await this.#cancel(entry);
      await this.#pay(entry, AMOUNT);
    },
    expired: async (entry) => {
      await this.#create(entry, { expiresInSeconds: SHORT_SECONDS });
    },
    "paid late": async (entry) => {
      await this.#create(entry, { expiresInSeconds: SHORT_SECONDS });
      this.#waiting.push(this.#payLate(entry));
    },
    observed: async (entry) => {
      await this.#create(entry, { chain: REPORTED_CHAIN });
      const txId = randomUUID();
      await this.#report(entry, txId, "seen", 0);
      for (const confirmations of [1, 2, 6]) await this.#report(entry, txId, "included", confirmations);
    },
    "observed, orphaned, back": async (entry) => {
      await this.#create(entry, { chain: REPORTED_CHAIN });
      const txId = randomUUID();
      await this.#report(entry, txId, "included", 2, "first block");
      await this.#report(entry, txId, "orphaned", 0);
      for (const confirmations of [1, 6]) await this.#report(entry, txId, "included", confirmations, "second block");
    },
    "observed, dropped, paid again": async (entry) => {
      await this.#create(entry, { chain: REPORTED_CHAIN });
      const [lost, good] = [randomUUID(), randomUUID()];
      await this.#report(entry, lost, "seen", 0);
      await this.#report(entry, lost, "dropped", 0);
      await this.#report(entry, good, "included", 6);
    },
  };

  async #create(entry: Entry, more: Record<string, unknown> = {}): Promise<void> {
    const { backend, references, customers } = this.#options;
    const { nth } = entry;
    const chain = (more.chain as string | undefined) ?? "sandbox";
    const { body } = await backend.post<MerchantPayment>("/v1/payments", {
      amount: String(AMOUNT),
      asset: "SBX",
      chain,
      reference: references[nth % references.length],
      customer: customers[nth % customers.length],
      metadata: { nth },
      ...(chain === "sandbox" ? {} : { address: `address-${nth}` }),
      ...more,
    });
    this.#note(entry, body);
  }

  async #order(entry: Entry, more: Record<string, unknown> = {}): Promise<void> {
    const { backend, products, references, shoppers } = this.#options;
    const { nth } = entry;
    const items = [
      { productId: products[nth % products.length] as string, quantity: 1 + (nth % 3) },
      { productId: products[(nth + 1) % products.length] as string, quantity: 1 },
    ];
    const { body } = await backend.post<Order>("/v1/orders", {
      customer: shoppers[nth % shoppers.length],
      reference: references[nth % references.length],
      items,
      metadata: { nth },
      ...more,
    });
    entry.items = items;
    this.#note(entry, body.payment);
  }

  async #propose(entry: Entry): Promise<void> {
    const { backend } = this.#options;
    const { body } = await backend.post<{ transactionId: string }>("/api/identipay/v1/proposals", {
      ...PROPOSAL,
      expiresInSeconds: 3_600,
    });
    const made = await backend.get<MerchantPayment>(`/v1/payments/${body.transactionId}`);
    this.#note(entry, made.body);
  }

  #note(
    entry: Entry,
    { id, chain, address, amount, reference, customer, createdAt, expiresAt }: MerchantPayment,
  ): void {
    if (address === null) throw new Error(`Payment ${id} was made without an address.`);
    const lifeMs = expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(expiresAt) - Date.parse(createdAt);
    Object.assign(entry, {
      id,
      chain,
      address,
      amount: amount === null ? null : BigInt(amount),
      reference,
      customer,
      isShort: lifeMs <= SHORT_SECONDS * 1_000,
    });
    this.#options.book.made(entry);
    this.#options.onMade(entry);
  }

  async #pay(entry: Entry, amount: bigint): Promise<void> {
    const body = { paymentId: entry.id, amount: String(amount) };
    const answer = await this.#options.backend.post<{ txId: string }>("/v1/sandbox/pay", body);
    entry.paidBy.push(answer.body.txId);
    entry.payAttempts += answer.attempts;
  }

  async #payLate(entry: Entry): Promise<void> {
    const isExpired = async () =>
      (await this.#options.backend.get<MerchantPayment>(`/v1/payments/${entry.id}`)).body.status === "expired";
    while (!(await isExpired())) await sleep(500);
    await this.#pay(entry, AMOUNT);
    entry.isOver = true;
  }

  /** `false`: it is in a block already, as a double spend in the world may come too late. */
  async #doubleSpend(entry: Entry): Promise<boolean> {
    const txId = entry.paidBy.at(-1) as string;
    try {
      await this.#options.backend.post("/v1/sandbox/double-spend", { txId });
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "invalid_state") throw error;
      // By a request before whose answer was lost.
      if (!error.message.includes("already replaced")) return false;
    }
    entry.doubleSpent.push(txId);
    return true;
  }

  async #cancel(entry: Entry): Promise<void> {
    await this.#options.backend.post(`/v1/payments/${entry.id}/cancel`, {});
    entry.isCancelled = true;
  }

  async #report(entry: Entry, txId: string, status: Reported["status"], confirmations: number, blockHash = "block") {
    const place = status === "included" ? { blockHash: `${blockHash} of ${txId}`, blockHeight: entry.nth } : {};
    const seen = { paymentId: entry.id, txId, index: "0", asset: "SBX", amount: String(AMOUNT), status, confirmations };
    await this.#options.backend.post("/v1/observations", { ...seen, ...place });
    entry.reported.set(txId, { amount: AMOUNT, status, confirmations });
  }
}
