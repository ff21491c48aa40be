/** The payments of one batch, as they are after each decision that was made about them in it. */
import type { CreditedPayment, PaymentStore, TransferName } from "../log/store.ts";
import type { PaymentState } from "../payments/payment.ts";
import { type Transfer, transferKey } from "../payments/transfer.ts";
import type { RecentPayments } from "./recent-payments.ts";
import type { Call, Owners, Work } from "./work.ts";

export interface Working {
  /** Of a standing payment: with the transfers that concern anybody in the batch. */
  state: PaymentState;
  /** Read from the store, and not remembered from before. */
  wasRead: boolean;
}

interface Need {
  paymentId: string;
  concerning: { txId: string; index: string }[];
  fresh: boolean;
}

export class WorkingSet {
  readonly #payments = new Map<string, Working>();
  readonly #owners = new Map<Call, Owners>();

  /** All payments that the calls need, in one read; none where all are remembered. */
  static async load(calls: readonly Call[], store: PaymentStore, recent: RecentPayments): Promise<WorkingSet> {
    const set = new WorkingSet();
    const missing: Need[] = [];
    for (const need of needsOf(calls)) {
      const known = need.fresh ? undefined : recent.get(need.paymentId);
      if (known) set.put({ state: known, wasRead: false });
      else missing.push(need);
    }
    if (missing.length > 0) {
      const asked = missing.map(({ paymentId, concerning }) => ({ paymentId, concerning }));
      for (const state of await store.loadForDecision(asked)) if (state) set.put({ state, wasRead: true });
    }
    for (const call of calls) if (call.fresh && call.check) set.#owners.set(call, await set.#readOwners(call, store));
    return set;
  }

  get(paymentId: string): Working | undefined {
    return this.#payments.get(paymentId);
  }

  /** `null`: not looked up. */
  ownersOf(call: Call): Owners | null {
    return this.#owners.get(call) ?? null;
  }

  put(working: Working): void {
    this.#payments.set(working.state.payment.id, working);
  }

  async #readOwners({ work }: Call, store: PaymentStore): Promise<Owners> {
    const owners = new Map<string, CreditedPayment>();
    const perMerchant = new Map<string, TransferName[]>();
    for (const { paymentId, merchantId, concerning = [] } of work) {
      const payment = this.get(paymentId)?.state.payment;
      if (!payment || payment.merchantId !== merchantId) continue;
      const names = perMerchant.get(merchantId) ?? [];
      names.push(...concerning.map(({ txId, index }) => ({ chain: payment.chain, txId, index })));
      perMerchant.set(merchantId, names);
    }
    for (const [merchantId, names] of perMerchant) {
      const credited = await store.creditedPayments(merchantId, names);
      for (const [at, owner] of credited.entries())
        if (owner) owners.set(transferKey(names[at] as TransferName), owner);
    }
    return owners;
  }
}

function needsOf(calls: readonly Call[]): Iterable<Need> {
  const needs = new Map<string, Need>();
  for (const { work, open, fresh } of calls) {
    for (const index of open) {
      const { paymentId, concerning = [] } = work[index] as Work;
      const need = needs.get(paymentId) ?? { paymentId, concerning: [], fresh: false };
      need.concerning.push(...concerning);
      need.fresh ||= fresh;
      needs.set(paymentId, need);
    }
  }
  return needs.values();
}

/** Of the transfers that the work is about. */
export function keysOf({ concerning = [] }: Work, chain: string): string[] {
  return concerning.map(({ txId, index }) => transferKey({ chain, txId, index }));
}

/** The state as this work would have loaded it alone: of a standing payment only the transfers that it names. */
export function concerned({ payment, transfers }: PaymentState, work: Work): PaymentState {
  if (payment.amountAtomic !== null) return { payment, transfers };
  return { payment, transfers: transfers.filter(oneOf(work.concerning ?? [])) };
}

/** The state after a decision, with the transfers that the decision did not look at. */
export function merged(before: PaymentState, after: PaymentState): PaymentState {
  if (after.payment.amountAtomic !== null) return after;
  const isNewer = oneOf(after.transfers);
  const untouched = before.transfers.filter((transfer) => !isNewer(transfer));
  return { payment: after.payment, transfers: [...untouched, ...after.transfers] };
}

/** Whether a transfer of a payment is one of these. By transaction first: its key need not be put together, which costs
 * more than all that is then done with it. */
function oneOf(named: readonly { txId: string; index: string }[]): (transfer: Transfer) => boolean {
  const indexes = new Map<string, Set<string>>();
  for (const { txId, index } of named) {
    const known = indexes.get(txId);
    if (known) known.add(index);
    else indexes.set(txId, new Set([index]));
  }
  return ({ txId, index }) => indexes.get(txId)?.has(index) ?? false;
}
