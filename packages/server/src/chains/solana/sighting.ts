/** A transaction → the transfers in it for which somebody waits. */

import type { Interest, SightedTransfer } from "../following/block-source.ts";
import type { Evidence } from "../match.ts";
import { matchIn } from "../match.ts";
import { type Credit, creditsIn } from "./credits.ts";
import { memosIn } from "./memos.ts";
import type { SolanaToken } from "./tokens.ts";
import { type RawTransaction, Transaction } from "./transaction.ts";
import { partsOf, recordsIn, type TributaryRecord, tellsOf } from "./tributary.ts";

export interface Sights {
  tokens: ReadonlyMap<string, SolanaToken>;
  /** Whose records are payments; `null`: nobody's. */
  tributaryProgram: string | null;
  /** A record whose memo cannot be a tracking id. */
  onUnusableMemo: (txId: string) => void;
}

/** @throws Inexact when balances have to be read exactly; EndpointFailure */
export function transfersIn(raw: RawTransaction, sights: Sights, interest: Interest): SightedTransfer[] {
  const executed = Transaction.executed(raw);
  if (!executed) return [];
  const credits = creditsIn(executed, { tokens: sights.tokens, knows: interest.knows });
  if (credits.length === 0) return [];
  // Only where somebody knows the wallet: of almost all transactions nothing but the balances is looked at.
  const { tributaryProgram } = sights;
  const records = tributaryProgram === null ? [] : recordsIn(executed, tributaryProgram);
  const evidence = { txId: executed.id, referenceKeys: executed.readonlyKeys, memos: memosIn(executed) };
  return credits.flatMap((credit) => {
    const telling = records.filter((record) => tellsOf(record, credit));
    return new CreditSighting(credit, { ...evidence, payers: credit.payers }, interest).parted(telling, sights);
  });
}

class CreditSighting {
  readonly #credit: Credit;
  readonly #evidence: Evidence;
  readonly #interest: Interest;

  constructor(credit: Credit, evidence: Evidence, interest: Interest) {
    this.#credit = credit;
    this.#evidence = evidence;
    this.#interest = interest;
  }

  /** One transfer for each record, and one for what they do not account for. */
  parted(records: readonly TributaryRecord[], { onUnusableMemo }: Sights): SightedTransfer[] {
    const { parts, rest } = partsOf(this.#credit.amountAtomic, records);
    const recorded = records.flatMap((record, place) => {
      if (record.trackingId === null) onUnusableMemo(this.#evidence.txId);
      return this.#ofRecord(record, parts[place] ?? 0n, place);
    });
    return [...recorded, ...this.#transfer(rest, this.#index, this.#evidence)];
  }

  #ofRecord({ trackingId, gateway }: TributaryRecord, amountAtomic: bigint, place: number): SightedTransfer[] {
    const memos = trackingId === null ? [] : [trackingId];
    const evidence = { ...this.#evidence, memos, gateways: [gateway] };
    return this.#transfer(amountAtomic, `${this.#index}:${place}`, evidence).map((transfer) => {
      const isRegistered = matchIn(transfer.recipient).tributary !== undefined;
      return isRegistered && trackingId !== null ? { ...transfer, standingReference: trackingId } : transfer;
    });
  }

  /** With the owner in it: one transaction may pay many. */
  get #index(): string {
    const { mint, owner } = this.#credit;
    return mint === null ? `sol:${owner}` : `spl:${mint}:${owner}`;
  }

  #transfer(amountAtomic: bigint, index: string, evidence: Evidence): SightedTransfer[] {
    const { owner, asset } = this.#credit;
    if (amountAtomic <= 0n) return [];
    const recipient = this.#interest.keyFor(owner, evidence);
    if (recipient === null) return [];
    return [{ txId: evidence.txId, index, asset, amountAtomic, recipient, failed: false, spends: [] }];
  }
}
