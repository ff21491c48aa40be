/** A merchant's backend that goes on taking payments while servers come and go: each is made, paid and confirmed under one
 * Idempotency-Key, however often it has to be asked for. */
import type { MerchantPayment, PaymentEvent } from "@paybell/protocol";
import type { Api } from "./clients/api.ts";
import { until } from "./until.ts";

/** So many at a time. */
const WORKERS = 4;
/** The last payments are confirmed, and final. */
const LAST_BLOCKS = 6;

export class RestartTill {
  readonly customers = ["customer-1", "customer-2", "customer-3"] as const;
  readonly references = ["till-1", "till-2", "till-3", "till-4"] as const;
  readonly payments: MerchantPayment[] = [];
  readonly #api: Api;
  readonly #count: number;
  #begun = 0;

  constructor(api: Api, count: number) {
    this.#api = api;
    this.#count = count;
  }

  /** The position of the log at which nothing had happened yet. */
  async start(): Promise<string> {
    return (await this.#api.call<{ next: string }>("GET", "/v1/events?limit=1")).next;
  }

  /** Resolves when all are made and paid. */
  async run(): Promise<void> {
    await Promise.all(Array.from({ length: WORKERS }, () => this.#work()));
  }

  /** Resolves when whatever was paid is final. */
  async finish(): Promise<void> {
    await this.#api.insist(() => this.#api.mine(LAST_BLOCKS));
  }

  /** Resolves when so many were made, with the newest. */
  async made(count: number): Promise<MerchantPayment> {
    await until(
      () => `${count} payments; there are ${this.payments.length}`,
      () => this.payments.length >= count,
    );
    return this.payments.at(-1) as MerchantPayment;
  }

  /** Everything that was told of these payments. */
  log(): Promise<PaymentEvent[]> {
    return this.#api.insist(() => this.#api.allEvents());
  }

  /** One payment more, that waits for `settle`. */
  async create(): Promise<MerchantPayment> {
    const nth = this.payments.length;
    const reference = this.references[nth % this.references.length] as string;
    const customer = this.customers[nth % this.customers.length] as string;
    const payment = await this.#api.insist((key) => this.#api.createPayment({ reference, customer }, key));
    this.payments.push(payment);
    return payment;
  }

  async settle({ id }: MerchantPayment): Promise<void> {
    await this.#api.insist((key) => this.#api.call("POST", "/v1/sandbox/pay", { paymentId: id }, key));
    await this.#api.insist((key) => this.#api.call("POST", "/v1/sandbox/mine", { blocks: 1 }, key));
  }

  async #work(): Promise<void> {
    while (this.#begun < this.#count) {
      this.#begun += 1;
      await this.settle(await this.create());
    }
  }
}
