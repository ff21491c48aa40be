/** Random payments and inputs for the property tests. */
import { DELIVERY_STATES } from "@paybell/protocol";
import fc from "fast-check";
import type { Input, NewPayment } from "../../src/payments/decide.ts";
import type { BlockRef, Observation } from "../../src/payments/transfer.ts";
import { block, CREATED_AT_MS, EXPIRES_AT_MS, MONITOR_UNTIL_MS, newPayment, observation } from "./given.ts";

export const TX_IDS = ["t1", "t2", "t3", "t4"] as const;

/** Before expiry, after it, after monitoring, and a little too early for the payment. */
const timeMs = fc.constantFrom(
  CREATED_AT_MS - 1,
  CREATED_AT_MS + 10,
  EXPIRES_AT_MS,
  EXPIRES_AT_MS + 1,
  MONITOR_UNTIL_MS,
  MONITOR_UNTIL_MS + 1,
);

/** Two branches of a chain. */
const BLOCKS: readonly BlockRef[] = [
  block(5, "a"),
  block(5, "b"),
  block(6, "a"),
  block(7, "b", EXPIRES_AT_MS + 1),
  block(8, "b", MONITOR_UNTIL_MS + 1),
];

export const anyPolicy = fc
  .record({ confirmationsRequired: fc.nat({ max: 3 }), beyond: fc.nat({ max: 4 }) })
  .map(({ confirmationsRequired, beyond }) => ({
    confirmationsRequired,
    finalConfirmations: Math.max(confirmationsRequired + beyond, 1),
  }));

/** With an amount that one to three of the transfers cover. */
export const anyNewPayment: fc.Arbitrary<NewPayment> = fc
  .record({
    amountAtomic: fc.bigInt({ min: 1n, max: 15n }),
    policy: anyPolicy,
    expiresAtMs: fc.option(fc.constant(EXPIRES_AT_MS), { freq: 5 }),
  })
  .map(newPayment);

/** Of the right coin unless `asset` says otherwise; each transaction usually pays the same. */
export function observationOf(
  txId: fc.Arbitrary<string>,
  asset: fc.Arbitrary<string> = fc.constant("SBX"),
): fc.Arbitrary<Observation> {
  return fc
    .record({
      txId,
      asset,
      status: fc.constantFrom<Observation["status"][]>(
        "seen",
        "seen",
        "included",
        "included",
        "included",
        "orphaned",
        "replaced",
        "dropped",
        "failed",
      ),
      otherAmount: fc.option(fc.bigInt({ min: 0n, max: 12n }), { freq: 8 }),
      confirmations: fc.nat({ max: 8 }),
      block: fc.option(fc.constantFrom(...BLOCKS), { freq: 6 }),
      observedAtMs: timeMs,
      replaceable: fc.boolean(),
      replacedBy: fc.option(fc.constantFrom(...TX_IDS, "elsewhere")),
      spends: fc.subarray(["coin:0", "coin:1"]),
      final: fc.constantFrom(false, false, false, true),
    })
    .map(({ otherAmount, ...seen }) =>
      observation({ ...seen, amountAtomic: otherAmount ?? BigInt(3 + (seen.txId.charCodeAt(1) % 4)) }),
    );
}

export const anyObservation = observationOf(
  fc.constantFrom(...TX_IDS),
  fc.constantFrom("SBX", "SBX", "SBX", "SBX", "SBX", "SBX", "FAKE"),
);

export const observeInput: fc.Arbitrary<Input> = fc
  .array(anyObservation, { minLength: 1, maxLength: 4 })
  .map((observations) => ({ type: "observe", observations }));

/** A report as watchers make it: each transfer once, or taken out of its block and then told where it went. */
export const reportInput: fc.Arbitrary<Input> = fc
  .uniqueArray(fc.tuple(anyObservation, fc.boolean()), { minLength: 1, maxLength: 4, selector: ([seen]) => seen.txId })
  .map((seen): Input => {
    const orphaned = (of: Observation): Observation => ({ ...of, status: "orphaned", confirmations: 0, block: null });
    const observations = seen.flatMap(([last, reorged]) => (reorged ? [orphaned(last), last] : [last]));
    return { type: "observe", observations };
  });

export const headInput: fc.Arbitrary<Input> = fc
  .integer({ min: 4, max: 16 })
  .map((height) => ({ type: "head", height }));

export const tickInput: fc.Arbitrary<Input> = timeMs.map((watchedUntilMs) => ({ type: "tick", watchedUntilMs }));

const commandInput: fc.Arbitrary<Input> = fc.oneof(
  fc.constant<Input>({ type: "claim" }),
  fc.constant<Input>({ type: "cancel" }),
  fc.constantFrom(...DELIVERY_STATES).map((to): Input => ({ type: "deliver", to })),
  fc.constantFrom("paid" as const, "failed" as const).map((as): Input => ({ type: "resolve", as })),
);

export const anyInput: fc.Arbitrary<Input> = fc.oneof(
  { weight: 12, arbitrary: observeInput },
  { weight: 5, arbitrary: headInput },
  { weight: 2, arbitrary: tickInput },
  { weight: 2, arbitrary: commandInput },
  { weight: 1, arbitrary: fc.constantFrom<Input[]>({ type: "erase" }, { type: "create", payment: newPayment() }) },
);

/** What the chain does, without operators. */
export const chainInput: fc.Arbitrary<Input> = fc.oneof(
  { weight: 6, arbitrary: observeInput },
  { weight: 3, arbitrary: headInput },
  { weight: 1, arbitrary: tickInput },
);

const anyNumber = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -1, 8.7e15),
);

/** Anything that type-checks, sense or no sense. */
export const wildInput: fc.Arbitrary<Input> = fc.oneof(
  fc
    .record({
      observation: anyObservation,
      confirmations: anyNumber,
      observedAtMs: anyNumber,
      amountAtomic: fc.bigInt(),
    })
    .chain(({ observation: base, ...rest }) =>
      fc
        .option(fc.record({ height: anyNumber, hash: fc.string(), timeMs: anyNumber }))
        .map((wildBlock): Input => ({ type: "observe", observations: [{ ...base, ...rest, block: wildBlock }] })),
    ),
  anyNumber.map((height): Input => ({ type: "head", height })),
  anyNumber.map((watchedUntilMs): Input => ({ type: "tick", watchedUntilMs })),
  fc
    .record({
      amountAtomic: fc.option(fc.bigInt()),
      expiresAtMs: fc.option(anyNumber),
      monitoringSeconds: anyNumber,
      policy: fc.record({ confirmationsRequired: anyNumber, finalConfirmations: anyNumber }),
    })
    .map((changes): Input => ({ type: "create", payment: newPayment(changes) })),
  anyInput,
);

export const wildTimeMs = fc.oneof(fc.constant(CREATED_AT_MS + 5), anyNumber);
