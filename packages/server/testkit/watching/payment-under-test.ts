/** A payment whose events are read like a tape: what was told once is not looked at again. */
import type { EventType, MerchantPayment } from "@paybell/protocol";
import { expect } from "vitest";
import { viewMerchant } from "../../src/payments/payment.ts";
import { until } from "../until.ts";
import type { Bench } from "./bench.ts";

/** What is asked for; well above any dust limit. */
export const PRICE = 500_000n;

export class PaymentUnderTest {
  readonly id: string;
  readonly address: string;
  readonly #bench: Bench;
  #told: EventType[] = [];

  constructor(bench: Bench, id: string, address: string) {
    this.#bench = bench;
    this.id = id;
    this.address = address;
  }

  /** Sends to this payment's address. Returns the transaction's id. */
  pay(amountAtomic: bigint = PRICE, asset?: string): Promise<string> {
    const { address } = this;
    return this.#bench.chain.pay([asset === undefined ? { address, amountAtomic } : { address, amountAtomic, asset }]);
  }

  /** Waits for the next events and asserts that they are exactly these, in this order. */
  async tells(...next: readonly EventType[]): Promise<void> {
    const expected = [...this.#told, ...next];
    let types: EventType[] = [];
    await until(
      () => `the events ${expected.join(", ")}; there are only ${types.join(", ")}`,
      async () => {
        types = await this.types();
        return types.length >= expected.length || types.some((type, place) => type !== expected[place]);
      },
    );
    expect(types).toEqual(expected);
    this.#told = expected;
  }

  /** Waits until this is told, and returns it with all that came before it since the last look. */
  async tellsUntil(last: EventType): Promise<readonly EventType[]> {
    const next = await until(`the event ${last}`, async () => {
      const types = (await this.types()).slice(this.#told.length);
      return types.includes(last) ? types : null;
    });
    this.#told = [...this.#told, ...next];
    return next;
  }

  /** Pays, and mines a block with it. `told` follows as soon as the transfer is seen, which without a mempool is in the
   * block; `alsoInBlock` is what the block does to earlier transfers. Returns the transaction's id. */
  async receives(
    amountAtomic: bigint,
    told: readonly EventType[],
    alsoInBlock: readonly EventType[] = [],
  ): Promise<string> {
    const { can, chain } = this.#bench;
    const txId = await this.pay(amountAtomic);
    if (can.mempool) await this.tells("transfer.seen", ...told);
    await chain.mine(1);
    await this.tells("transfer.included", ...(can.mempool ? [] : told), ...alsoInBlock);
    return txId;
  }

  /** Pays the price and mines until the payment is paid, not more. Returns the transaction's id. */
  async becomesPaid(): Promise<string> {
    const txId = await this.receives(PRICE, ["payment.confirming"]);
    await this.#bench.chain.mine(1);
    await this.tells("transfer.confirmed", "payment.paid");
    return txId;
  }

  async types(): Promise<EventType[]> {
    return (await this.#bench.core.eventsOf(this.id)).map(({ type }) => type);
  }

  async view(): Promise<MerchantPayment> {
    return viewMerchant(await this.#bench.core.payment(this.id));
  }

  /** Nothing more is reported, and nothing was told but what `tells` has named; the events are numbered without a gap.
   * @returns the payment as it is at the end */
  async atTheEnd(): Promise<MerchantPayment> {
    await this.#bench.stopWatcher();
    const records = await this.#bench.core.eventsOf(this.id);
    expect(records.map(({ type }) => type)).toEqual(this.#told);
    expect(records.map(({ sequence }) => sequence)).toEqual(records.map((_, place) => place + 1));
    return this.view();
  }
}
