/** What must hold after every decision. Written from PAYMENT_STATES.md, not from the code. */
import { ERRORS, type EventType } from "@paybell/protocol";
import { expect } from "vitest";
import { coverageOf } from "../../src/payments/coverage.ts";
import type { DecidedEvent, Decision, Input } from "../../src/payments/decide.ts";
import { type PaymentState, summarise } from "../../src/payments/payment.ts";
import { isLive, type Transfer, transferKey } from "../../src/payments/transfer.ts";
import { TRANSITIONS } from "../../src/payments/transitions.ts";

export function expectLegal(
  before: PaymentState,
  input: Input,
  decision: Decision,
  history: readonly DecidedEvent[],
): void {
  if (!decision.ok) {
    expect(Object.keys(ERRORS)).toContain(decision.refusal.code);
    expect(decision.refusal.message).not.toBe("");
    return;
  }
  expectTold(before, decision);
  expectChanged(before, decision);
  expectAmounts(decision.state);
  expectStatusFits(decision.state);
  for (const event of decision.events) expectDeserved(event, input, decision.state, history);
}

/** Numbered without a gap, each with the payment right after it; what was not told did not happen. */
function expectTold(before: PaymentState, decision: Extract<Decision, { ok: true }>): void {
  const { state, events } = decision;
  if (events.length === 0) {
    expect(state).toBe(before);
    return;
  }
  expect(events.map((event) => event.sequence)).toEqual(events.map((_, at) => before.payment.sequence + 1 + at));
  expect(events.map((event) => event.data.payment?.sequence)).toEqual(events.map((event) => event.sequence));
  expect(events.at(-1)?.data.payment).toEqual(summarise(state.payment));
  expect(before.payment.flags.every((flag) => state.payment.flags.includes(flag))).toBe(true);
}

function expectChanged(before: PaymentState, { state, changed }: Extract<Decision, { ok: true }>): void {
  const known = new Map(before.transfers.map((transfer) => [transferKey(transfer), transfer]));
  const differing = state.transfers.filter((transfer) => known.get(transferKey(transfer)) !== transfer);
  expect(changed).toEqual(differing);
  expect(new Set(state.transfers.map(transferKey)).size).toBe(state.transfers.length);
  expect(state.transfers.length).toBeGreaterThanOrEqual(before.transfers.length);
}

export function sumLive(transfers: Iterable<Transfer>): bigint {
  let sum = 0n;
  for (const transfer of transfers) if (isLive(transfer)) sum += transfer.amountAtomic;
  return sum;
}

function expectAmounts({ payment, transfers }: PaymentState): void {
  const { amountAtomic, receivedAtomic } = payment;
  if (amountAtomic === null) return;
  expect(receivedAtomic).toBe(sumLive(transfers));
  const amountState =
    receivedAtomic === 0n
      ? "none"
      : receivedAtomic < amountAtomic
        ? "under"
        : receivedAtomic > amountAtomic
          ? "over"
          : "exact";
  expect(payment.amountState).toBe(amountState);
  for (const transfer of transfers) expect([transfer.chain, transfer.asset]).toEqual([payment.chain, payment.asset]);
  expect(payment.coveringTxId !== null).toBe(receivedAtomic >= amountAtomic);
}

/** At rest, the table has nothing more to say; and paid is never less than included. */
function expectStatusFits(state: PaymentState): void {
  const { payment, transfers } = state;
  if (payment.amountAtomic === null) {
    expect(["pending", "cancelled"]).toContain(payment.status);
    expect(payment.deadlineMs).toBeNull();
    return;
  }
  if (payment.flags.includes("manual")) return;
  const { coverage } = coverageOf(payment, transfers);
  expect(TRANSITIONS[payment.status][coverage].to).toBe(payment.status);
  if (payment.status === "paid") expect(["included", "confirmed"]).toContain(coverage);
  if (payment.status === "final") expect(coverage).toBe("final");
  if (payment.status === "pending" && payment.erasedAtMs === null) expect(payment.deadlineMs).toBe(payment.expiresAtMs);
}

/** Sum of the transfers that meet the policy, computed here once more. */
function settledAtomic({ payment, transfers }: PaymentState): bigint {
  const { confirmationsRequired } = payment.policy;
  return sumLive(
    transfers.filter((transfer) => {
      if (transfer.status === "final") return true;
      if (transfer.status === "seen") return confirmationsRequired === 0 && !transfer.replaceable;
      return transfer.confirmations >= confirmationsRequired;
    }),
  );
}

const toldBefore = (history: readonly DecidedEvent[], event: DecidedEvent, type: EventType) =>
  history.some((told) => told.type === type && told.sequence < event.sequence);

function expectDeserved(
  event: DecidedEvent,
  input: Input,
  state: PaymentState,
  history: readonly DecidedEvent[],
): void {
  const { payment } = state;
  switch (event.type) {
    case "payment.paid":
      expect(settledAtomic(state) >= (payment.amountAtomic ?? 0n)).toBe(true);
      break;
    case "payment.finalized":
      expect(toldBefore(history, event, "payment.paid")).toBe(true);
      expect(sumLive(state.transfers.filter((transfer) => transfer.status === "final"))).toBeGreaterThanOrEqual(
        payment.amountAtomic ?? 0n,
      );
      break;
    case "payment.reversed":
      expect(toldBefore(history, event, "payment.paid")).toBe(true);
      break;
    case "payment.recovered":
      expect(toldBefore(history, event, "payment.reversed")).toBe(true);
      break;
    case "payment.expired":
      expect(input.type === "tick" && input.watchedUntilMs >= (payment.expiresAtMs ?? Number.NaN)).toBe(true);
      break;
    case "payment.failed":
      expect(input.type === "tick" && input.watchedUntilMs >= (payment.monitorUntilMs ?? Number.NaN)).toBe(true);
      break;
    default:
      expect(event.data.payment?.sequence).toBe(event.sequence);
  }
}
