/**
 * How many requests without a secret key one client address may make: reading by id, and trying keys. Who holds a key
 * is known, and can be told.
 */
import { PaybellError } from "../kit/errors.ts";
import { addressGroup } from "./client-address.ts";
import { MessageRate } from "./message-rate.ts";

/** Addresses remembered at once, about 150 bytes each; the one that has been known longest goes first. */
const ADDRESSES_KEPT = 10_000;

export class RequestRate {
  readonly #perSecond: number;
  readonly #rates = new Map<string, MessageRate>();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** @throws PaybellError rate_limited */
  admit(remoteAddress: string, nowMs: number): void {
    if (this.#rateOf(addressGroup(remoteAddress), nowMs).take(nowMs)) return;
    throw new PaybellError("rate_limited", "Too many requests without a secret key come from this address.", {
      limit: "keylessRequestsPerSecond",
      value: this.#perSecond,
    });
  }

  #rateOf(group: string, nowMs: number): MessageRate {
    const known = this.#rates.get(group);
    if (known) return known;
    if (this.#rates.size >= ADDRESSES_KEPT) {
      const oldest = this.#rates.keys().next();
      if (!oldest.done) this.#rates.delete(oldest.value);
    }
    const rate = new MessageRate(this.#perSecond, nowMs);
    this.#rates.set(group, rate);
    return rate;
  }
}
