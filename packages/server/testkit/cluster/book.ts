/** What the load has asked for and what it was answered: the model's side of the story, kept beside the cluster. */
import type { PaymentItem } from "@paybell/protocol";
import type { Kind } from "./kinds.ts";

/** What was last reported of a transfer on a chain that the merchant watches himself, and answered. */
export interface Reported {
  amount: bigint;
  status: "seen" | "included" | "orphaned" | "dropped";
  confirmations: number;
}

/** One payment, as it was asked for. */
export interface Entry {
  readonly nth: number;
  readonly kind: Kind;
  id: string;
  chain: string;
  address: string;
  /** Atomic units; `null`: standing. */
  amount: bigint | null;
  reference: string | null;
  customer: string | null;
  items: readonly PaymentItem[];
  /** It expires within the run. */
  isShort: boolean;
  /** It was cancelled, and that was answered. */
  isCancelled: boolean;
  /** Transactions on the sandbox's chain that were answered. */
  readonly paidBy: string[];
  /** Requests that may have made one: more than were answered where an answer was lost. */
  payAttempts: number;
  /** Of `paidBy`: replaced by request. */
  readonly doubleSpent: string[];
  /** By transaction, on the chain that the merchant watches himself. */
  readonly reported: Map<string, Reported>;
  /** The story has been told to its end. */
  isOver: boolean;
}

export class Book {
  readonly entries: Entry[] = [];
  readonly #byId = new Map<string, Entry>();

  open(nth: number, kind: Kind): Entry {
    const entry: Entry = {
      nth,
      kind,
      id: "",
      chain: "",
      address: "",
      amount: null,
      reference: null,
      customer: null,
      items: [],
      isShort: false,
      isCancelled: false,
      paidBy: [],
      payAttempts: 0,
      doubleSpent: [],
      reported: new Map(),
      isOver: false,
    };
    this.entries.push(entry);
    return entry;
  }

  /** Its creation was answered. */
  made(entry: Entry): void {
    this.#byId.set(entry.id, entry);
  }

  get size(): number {
    return this.#byId.size;
  }

  /** `undefined`: nobody asked for it, or it was made twice by one request. */
  find(id: string): Entry | undefined {
    return this.#byId.get(id);
  }
}
