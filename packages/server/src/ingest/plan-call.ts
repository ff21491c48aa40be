/** What is to be appended for one caller: each of his payments decided on as the calls before him in the batch left it. */
import type { Shortage } from "@paybell/protocol";
import type { AppendCommand, IdempotentAnswer, PaymentCommand, UnattributedCommand } from "../log/event-log.ts";
import { type DecidedEvent, decide, type Input, type Refusal } from "../payments/decide.ts";
import type { Payment, PaymentState } from "../payments/payment.ts";
import { type StockLine, stockLines } from "../payments/stock.ts";
import { type Transfer, transferKey } from "../payments/transfer.ts";
import { topicsOf } from "./topics-of.ts";
import { unattributed } from "./unattributed.ts";
import type { Call, Outcome, PaymentsFound, Work } from "./work.ts";
import { concerned, keysOf, merged, type Working, type WorkingSet } from "./working-set.ts";

export interface PlannedCall {
  commands: AppendCommand[];
  items: PlannedItem[];
}

/** One piece of work, decided. */
export interface PlannedItem {
  /** Its place in the call's work. */
  index: number;
  paymentId: string;
  /** Holds once the command is stored. */
  outcome: Outcome;
  /** Place of the command in the call's commands; `null`: there is nothing to store. */
  commandAt: number | null;
  /** The payment after the command, with all transfers that are known. */
  after: PaymentState | null;
  /** What it was decided on was read, or the store will refuse the command where it was wrong. */
  isSure: boolean;
}

const NOT_FOUND: Outcome = { ok: false, refusal: { code: "not_found", message: "There is no such payment." } };

interface Folded {
  state: PaymentState;
  events: DecidedEvent[];
  changed: Map<string, Transfer>;
  unattributed: UnattributedCommand[];
}

/**
 * Leaves the payments in `states` as they are after this call; as they were if it throws.
 * @throws whatever the call's own check and inputs throw
 */
export function planCall(call: Call, states: WorkingSet, nowMs: number): PlannedCall {
  const plan: PlannedCall = { commands: [], items: [] };
  const mine = new Map<string, Working>();
  const workingOf = (work: Work): Working | null => {
    const working = mine.get(work.paymentId) ?? states.get(work.paymentId);
    return working && isThere(working.state, work) ? working : null;
  };
  if (call.check) call.check(paymentsFound(call, workingOf), states.ownersOf(call));
  for (const index of call.open) {
    const work = call.work[index] as Work;
    const working = workingOf(work);
    const after = planWork(plan, { call, index, work, working, nowMs });
    if (working && after) mine.set(work.paymentId, { state: after, wasRead: working.wasRead });
  }
  if (call.check && plan.items.some(({ isSure }) => !isSure)) {
    return { commands: [], items: plan.items.map((item) => ({ ...item, isSure: false })) };
  }
  for (const working of mine.values()) states.put(working);
  return plan;
}

function isThere({ payment }: PaymentState, { merchantId }: Work): boolean {
  return payment.erasedAtMs === null && (merchantId === undefined || payment.merchantId === merchantId);
}

function paymentsFound({ work, open }: Call, workingOf: (work: Work) => Working | null): PaymentsFound {
  const found = new Map<string, Payment>();
  for (const index of open) {
    const item = work[index] as Work;
    const working = workingOf(item);
    if (working) found.set(item.paymentId, working.state.payment);
  }
  return found;
}

interface Decidable {
  call: Call;
  index: number;
  work: Work;
  working: Working | null;
  nowMs: number;
}

/** Returns the payment as it then is, if there is something to store. */
function planWork(plan: PlannedCall, { call, index, work, working, nowMs }: Decidable): PaymentState | null {
  const { paymentId, answer } = work;
  const item: PlannedItem = { index, paymentId, outcome: NOT_FOUND, commandAt: null, after: null, isSure: true };
  plan.items.push(item);
  if (!working) return null;
  const before = concerned(working.state, work);
  const shortages = call.shortages.get(paymentId) ?? null;
  const folded = foldInputs(before, work.inputs(before.payment, nowMs), nowMs, shortages);
  if ("refusal" in folded) {
    item.outcome = { ok: false, refusal: folded.refusal };
    item.isSure = working.wasRead;
    return null;
  }
  item.outcome = { ok: true, state: folded.state };
  const hasCommand = folded.events.length > 0 || answer !== undefined;
  item.isSure = (hasCommand || working.wasRead) && isProven(call, work, { before, folded, working });
  if (!item.isSure) return null;
  if (hasCommand) {
    item.commandAt = plan.commands.length;
    item.after = merged(working.state, folded.state);
    const idempotency = answer?.(decidedIn(plan)) ?? null;
    plan.commands.push(commandOf(before, folded, idempotency));
  }
  plan.commands.push(...folded.unattributed);
  return item.after;
}

/** What the work so far has come to. */
function decidedIn({ items }: PlannedCall): PaymentState[] {
  return items.flatMap(({ outcome }) => (outcome.ok ? [outcome.state] : []));
}

/**
 * A transfer that was not at hand was taken for a new one. Where it is stored as such, the store finds out whether that
 * was wrong. Else somebody has to look: whether a standing payment has it already, and, where the call has a check,
 * whether it is another payment's.
 */
function isProven(
  call: Call,
  work: Work,
  { before, folded, working }: { before: PaymentState; folded: Folded; working: Working },
): boolean {
  const { chain, amountAtomic } = before.payment;
  const allAtHand = working.wasRead || amountAtomic !== null;
  if (call.fresh || (allAtHand && !call.check)) return true;
  const unchanged = keysOf(work, chain).filter((key) => !folded.changed.has(key));
  if (unchanged.length === 0) return true;
  const known = new Set(before.transfers.map(transferKey));
  return unchanged.every((key) => known.has(key));
}

function foldInputs(
  before: PaymentState,
  inputs: readonly Input[],
  atMs: number,
  shortages: readonly Shortage[] | null,
): Folded | { refusal: Refusal } {
  const folded: Folded = { state: before, events: [], changed: new Map(), unattributed: [] };
  for (const input of inputs) {
    const decision = decide(folded.state, input, atMs, shortages);
    if (!decision.ok) return { refusal: decision.refusal };
    folded.state = decision.state;
    folded.events.push(...decision.events);
    for (const transfer of decision.changed) folded.changed.set(transferKey(transfer), transfer);
    for (const { observation, why } of decision.rejected) {
      const { merchantId, address, chain } = before.payment;
      folded.unattributed.push(
        unattributed({ merchantId, address: address ?? observation.recipient, chain, why, atMs, observation }),
      );
    }
  }
  return folded;
}

function commandOf(before: PaymentState, folded: Folded, idempotency: IdempotentAnswer | null): PaymentCommand {
  const known = new Set(before.transfers.map(transferKey));
  const transfers: Transfer[] = [];
  const newTransfers: Transfer[] = [];
  for (const [key, transfer] of folded.changed) (known.has(key) ? transfers : newTransfers).push(transfer);
  const command: PaymentCommand = {
    kind: "payment",
    expectedSequence: before.payment.sequence,
    payment: folded.state.payment,
    transfers,
    newTransfers,
    events: folded.events,
    // An erasure takes the customer's name out of the payment; those who listen are still to hear of it.
    topics: topicsOf(before.payment),
  };
  const lines = stockLinesOf(before.payment, folded.state.payment);
  if (lines.length > 0) command.stock = { lines };
  if (idempotency) command.idempotency = idempotency;
  return command;
}

/** The items are those from before: an erasure takes them out of the payment. */
function stockLinesOf(before: Payment, after: Payment): readonly StockLine[] {
  if (after.stock === null || before.stock === after.stock) return [];
  return stockLines(before.items ?? [], before.stock, after.stock);
}
