/**
 * The transfers to us that are not yet beyond reorganisation: what the node's waiting transactions are compared with,
 * and what a replacement is recognised by. Rebuilt from the store at each start; nothing in here is lost by a crash.
 */
import type { OpenTransfer } from "../../log/store.ts";
import type { BlockRef } from "../../payments/transfer.ts";
import { keysIn } from "../match.ts";
import type { SightedTransfer, Spender } from "./block-source.ts";

export interface TrackedTransfer
  extends Pick<
    SightedTransfer,
    "txId" | "index" | "asset" | "amountAtomic" | "recipient" | "spends" | "standingReference"
  > {
  /** `orphaned`: its block was dropped, and what became of it is not known. */
  state: "pending" | "included" | "orphaned";
  block: BlockRef | null;
  firstSeenAtMs: number;
  /** How often in a row the node did not know it. */
  missed: number;
  /** Of an orphaned one: the height at which its block was dropped. */
  orphanedAtHeight: number;
}

const keyOf = ({ txId, index }: Pick<TrackedTransfer, "txId" | "index">): string => `${txId}/${index}`;

const STATES: Record<OpenTransfer["status"], TrackedTransfer["state"]> = {
  seen: "pending",
  included: "included",
  confirmed: "included",
  orphaned: "orphaned",
};

export class TrackedTransfers {
  readonly #byKey = new Map<string, TrackedTransfer>();
  readonly #bySpend = new Map<string, Set<string>>();
  readonly #byBlock = new Map<string, Set<string>>();
  readonly #waiting = new Set<string>();
  readonly #waitingFor = new Map<string, Set<string>>();

  /** @param height where following goes on */
  static from(open: readonly OpenTransfer[], height: number): TrackedTransfers {
    const tracked = new TrackedTransfers();
    for (const { status, replaceable: _, ...transfer } of open) {
      tracked.set({ ...transfer, state: STATES[status], missed: 0, orphanedAtHeight: height });
    }
    return tracked;
  }

  get(transfer: Pick<TrackedTransfer, "txId" | "index">): TrackedTransfer | undefined {
    return this.#byKey.get(keyOf(transfer));
  }

  /** Adds it, or puts it in the place of what was known of it. */
  set(transfer: TrackedTransfer): void {
    this.delete(transfer);
    const key = keyOf(transfer);
    this.#byKey.set(key, transfer);
    for (const spend of transfer.spends) addTo(this.#bySpend, spend, key);
    if (transfer.block) addTo(this.#byBlock, transfer.block.hash, key);
    if (transfer.state === "included") return;
    this.#waiting.add(key);
    for (const matchKey of keysIn(transfer.recipient)) addTo(this.#waitingFor, matchKey, key);
  }

  delete(transfer: Pick<TrackedTransfer, "txId" | "index">): void {
    const key = keyOf(transfer);
    const known = this.#byKey.get(key);
    if (!known) return;
    for (const spend of known.spends) removeFrom(this.#bySpend, spend, key);
    if (known.block) removeFrom(this.#byBlock, known.block.hash, key);
    this.#waiting.delete(key);
    for (const matchKey of keysIn(known.recipient)) removeFrom(this.#waitingFor, matchKey, key);
    this.#byKey.delete(key);
  }

  /** Does one of them use this up? */
  followsSpend(spend: string): boolean {
    return this.#bySpend.has(spend);
  }

  /** Those that cannot stand beside this transaction, because it uses up the same. */
  conflictsOf({ spend, txId }: Spender): TrackedTransfer[] {
    return this.#named(this.#bySpend.get(spend)).filter((transfer) => transfer.txId !== txId);
  }

  /** Those that are in no block. */
  get waiting(): TrackedTransfer[] {
    return this.#named(this.#waiting);
  }

  /** Those that may be meant for a payment with this match key. */
  waitingFor(matchKey: string): TrackedTransfer[] {
    return this.#named(this.#waitingFor.get(matchKey));
  }

  includedIn(blockHash: string): TrackedTransfer[] {
    return this.#named(this.#byBlock.get(blockHash));
  }

  /** Forgets those in all other blocks: no reorganisation that is followed reaches them. */
  keepBlocks(blockHashes: ReadonlySet<string>): void {
    for (const [hash, keys] of this.#byBlock) {
      if (blockHashes.has(hash)) continue;
      for (const transfer of this.#named(keys)) this.delete(transfer);
    }
  }

  #named(keys: ReadonlySet<string> = new Set()): TrackedTransfer[] {
    return [...keys].map((key) => this.#byKey.get(key) as TrackedTransfer);
  }
}

function addTo(index: Map<string, Set<string>>, name: string, key: string): void {
  const keys = index.get(name);
  if (keys) keys.add(key);
  else index.set(name, new Set([key]));
}

function removeFrom(index: Map<string, Set<string>>, name: string, key: string): void {
  const keys = index.get(name);
  keys?.delete(key);
  if (keys?.size === 0) index.delete(name);
}
