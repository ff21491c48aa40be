/** Invariants of PAYMENT_STATES.md over random lives of payments. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { coverageOf } from "../../src/payments/coverage.ts";
import { type DecidedEvent, decide, type Input, type NewPayment } from "../../src/payments/decide.ts";
import type { PaymentState } from "../../src/payments/payment.ts";
import { type Observation, type Transfer, transferKey } from "../../src/payments/transfer.ts";
import {
  anyInput,
  anyNewPayment,
  anyObservation,
  chainInput,
  headInput,
  observationOf,
  reportInput,
  TX_IDS,
  tickInput,
  wildInput,
  wildTimeMs,
} from "./arbitraries.ts";
import { CREATED_AT_MS, newPayment, observation } from "./given.ts";
import { expectLegal, sumLive } from "./legal.ts";

interface Life {
  state: PaymentState;
  history: DecidedEvent[];
}

function born(payment: NewPayment): Life {
  const decision = decide(null, { type: "create", payment }, CREATED_AT_MS);
  if (!decision.ok) throw new Error(decision.refusal.message);
  return { state: decision.state, history: [...decision.events] };
}

/** Applies the inputs, checking after each that all is legal. */
function live(life: Life, inputs: readonly Input[]): Life {
  for (const [at, input] of inputs.entries()) {
    const before = life.state;
    const decision = decide(before, input, CREATED_AT_MS + 1 + at);
    if (decision.ok) life.history.push(...decision.events);
    expectLegal(before, input, decision, life.history);
    if (decision.ok) life.state = decision.state;
  }
  return life;
}

const sorted = (transfers: readonly Transfer[]): Transfer[] =>
  transfers.toSorted((a, b) => (transferKey(a) < transferKey(b) ? -1 : 1));

/** What a set of observations makes of a payment, its history apart. */
const facts = ({ payment, transfers }: PaymentState) => ({
  transfers: sorted(transfers),
  received: payment.receivedAtomic,
  amountState: payment.amountState,
});

describe("any life of a payment", () => {
  it("is legal at every step", () => {
    fc.assert(
      fc.property(anyNewPayment, fc.array(anyInput, { maxLength: 25 }), (payment, inputs) => {
        live(born(payment), inputs);
      }),
      { numRuns: 500 },
    );
  });

  it("never throws, not even at inputs without sense", () => {
    fc.assert(
      fc.property(anyNewPayment, fc.array(fc.tuple(wildInput, wildTimeMs), { maxLength: 15 }), (payment, steps) => {
        let state: PaymentState | null = null;
        for (const [input, atMs] of [[{ type: "create", payment }, CREATED_AT_MS] as const, ...steps]) {
          const decision = decide(state, input, atMs);
          if (decision.ok) state = decision.state;
        }
        expect(state?.payment.receivedAtomic).toBe(sumLive(state?.transfers ?? []));
      }),
      { numRuns: 500 },
    );
  });

  it("is not changed by a report, a head or a tick that is repeated", () => {
    const repeatable = fc.oneof(reportInput, headInput, tickInput);
    fc.assert(
      fc.property(anyNewPayment, fc.array(chainInput, { maxLength: 12 }), repeatable, (payment, inputs, again) => {
        const { state } = live(born(payment), [...inputs, again]);
        const decision = decide(state, again, CREATED_AT_MS + 1_000);
        expect(decision).toMatchObject({ ok: true, events: [], changed: [] });
        if (decision.ok) expect(decision.state).toBe(state);
      }),
      { numRuns: 500 },
    );
  });
});

/** Merges the lists in some order that keeps each list's own. */
function interleave<T>(lists: readonly (readonly T[])[], choices: readonly number[]): T[] {
  const rest = lists.map((list) => [...list]);
  const merged: T[] = [];
  for (let turn = 0; rest.some((list) => list.length > 0); turn += 1) {
    const open = rest.filter((list) => list.length > 0);
    const next = open[(choices[turn % choices.length] ?? 0) % open.length]?.shift();
    if (next !== undefined) merged.push(next);
  }
  return merged;
}

it("the order between different transfers makes no difference to what was received", () => {
  const perTransfer = fc.tuple(...TX_IDS.map((txId) => fc.array(observationOf(fc.constant(txId)), { maxLength: 4 })));
  const fixed = fc.oneof(headInput, tickInput);
  const segments = fc.array(fc.record({ perTransfer, fixed }), { minLength: 1, maxLength: 3 });
  const choices = fc.array(fc.nat(), { minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(anyNewPayment, segments, choices, (payment, parts, order) => {
      const observe = (seen: Observation): Input => ({ type: "observe", observations: [seen] });
      const inTurn = parts.flatMap((part) => [...part.perTransfer.flat().map(observe), part.fixed]);
      const mixed = parts.flatMap((part) => [...interleave(part.perTransfer, order).map(observe), part.fixed]);
      expect(facts(live(born(payment), mixed).state)).toEqual(facts(live(born(payment), inTurn).state));
    }),
    { numRuns: 500 },
  );
});

it("a reorg and its undoing restore transfers, received, amount state and status", () => {
  let reorged = 0;
  fc.assert(
    fc.property(anyNewPayment, fc.array(chainInput, { maxLength: 12 }), fc.nat(), (payment, inputs, pick) => {
      const life = live(born(payment), inputs);
      const before = life.state;
      // A paid payment that lives on fewer confirmations than its policy asks for (its transfer moved) is recovered as
      // confirming: it has to earn them again.
      const { coverage } = coverageOf(before.payment, before.transfers);
      const hashes = before.transfers.flatMap((transfer) => (transfer.block ? [transfer.block.hash] : []));
      fc.pre(hashes.length > 0 && !(before.payment.status === "paid" && coverage === "included"));
      const hash = hashes[pick % hashes.length];
      const hit = before.transfers.filter((transfer) => transfer.block?.hash === hash);
      live(life, [{ type: "observe", observations: hit.map((transfer) => again(transfer, "orphaned")) }]);
      expect(life.state.payment.receivedAtomic).toBeLessThan(before.payment.receivedAtomic);
      live(life, [{ type: "observe", observations: hit.map((transfer) => again(transfer, "included")) }]);
      expect(facts(life.state)).toEqual(facts(before));
      expect(life.state.payment.status).toBe(before.payment.status);
      expect(life.state.payment.coveringTxId).toBe(before.payment.coveringTxId);
      reorged += 1;
    }),
    { numRuns: 500 },
  );
  expect(reorged).toBeGreaterThan(100);
});

function again(transfer: Transfer, status: "orphaned" | "included"): Observation {
  const { txId, amountAtomic, confirmations, block, replaceable, spends } = transfer;
  const final = transfer.status === "final";
  return observation({ txId, amountAtomic, confirmations, block, replaceable, spends, status, final });
}

it("a standing payment, of which only the transfers concerned are at hand, has received the sum of all", () => {
  const concerned = fc.array(anyObservation, { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(fc.array(fc.oneof(concerned, headInput), { maxLength: 25 }), (steps) => {
      let { payment } = born(newPayment({ amountAtomic: null })).state;
      const stored = new Map<string, Transfer>();
      for (const [at, step] of steps.entries()) {
        const input: Input = Array.isArray(step) ? { type: "observe", observations: step } : step;
        const keys = Array.isArray(step) ? step.map(transferKey) : [...stored.keys()];
        const transfers = [...new Set(keys)].flatMap((key) => stored.get(key) ?? []);
        const before = { payment, transfers };
        const decision = decide(before, input, CREATED_AT_MS + at);
        expectLegal(before, input, decision, []);
        if (!decision.ok) throw new Error(decision.refusal.message);
        payment = decision.state.payment;
        for (const transfer of decision.changed) stored.set(transferKey(transfer), transfer);
        expect(payment.receivedAtomic).toBe(sumLive(stored.values()));
      }
    }),
    { numRuns: 500 },
  );
});
