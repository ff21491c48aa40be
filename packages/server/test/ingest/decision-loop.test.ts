/** How far a chain was followed is stored with everything that the report caused, or not at all. */
import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { DecisionLoop } from "../../src/ingest/decision-loop.ts";
import type { AppendCall, AppendResult, EventLog, WatcherProgress } from "../../src/log/event-log.ts";
import type { PaymentState } from "../../src/payments/payment.ts";
import { samplePayment, T0_MS } from "../../testkit/storing/samples.ts";

interface Call {
  paymentIds: (string | null)[];
  progress: WatcherProgress | null;
}

/** A log that answers with what the test has prepared, call by call; afterwards everything is stored. */
class PreparedLog {
  readonly calls: Call[] = [];
  readonly #answers: (readonly AppendResult[])[];

  constructor(answers: (readonly AppendResult[])[]) {
    this.#answers = answers;
  }

  async appendTogether(calls: readonly AppendCall[]): ReturnType<EventLog["appendTogether"]> {
    return calls.map(({ commands, progress }) => {
      const paymentIds = commands.map((command) => (command.kind === "payment" ? command.payment.id : null));
      this.calls.push({ paymentIds, progress });
      return { status: "fulfilled", value: this.#answers.shift() ?? commands.map(() => ok) };
    });
  }
}

const progress: WatcherProgress = { chain: "sandbox", cursor: 7, headHeight: 7, watchedUntilMs: T0_MS };
const ok: AppendResult = { ok: true, records: [] };
const conflict: AppendResult = { ok: false, reason: "conflict" };
const credited: AppendResult = { ok: false, reason: "transfer_credited" };

async function run(answers: (readonly AppendResult[])[]) {
  const [a, b] = [samplePayment(), samplePayment()];
  const states = new Map<string, PaymentState>([a, b].map((payment) => [payment.id, { payment, transfers: [] }]));
  const log = new PreparedLog(answers);
  const loadForDecision = async (requests: readonly { paymentId: string }[]) =>
    requests.map(({ paymentId }) => states.get(paymentId) ?? null);
  const loop = new DecisionLoop({
    log: log as unknown as ConstructorParameters<typeof DecisionLoop>[0]["log"],
    store: { loadForDecision } as unknown as ConstructorParameters<typeof DecisionLoop>[0]["store"],
    clock: { nowMs: () => T0_MS },
    pendingCommands: 100,
  });
  const work = [a, b].map(({ id, recipient }) => ({
    paymentId: id,
    inputs: () => [{ type: "observe" as const, observations: [seen(recipient ?? "")], maxTransfers: 100 }],
  }));
  const outcomes = await loop.run(work, { progress });
  return { a: a.id, b: b.id, calls: log.calls, outcomes };
}

const seen = (recipient: string) => ({
  chain: "sandbox",
  txId: randomUUID(),
  index: "0",
  asset: "SBX",
  amountAtomic: 10_000_000n,
  recipient,
  status: "seen" as const,
  confirmations: 0,
  block: null,
  observedAtMs: T0_MS,
  replaceable: false,
  replacedBy: null,
  spends: [],
});

test("a retry does not store the progress when another payment's transfer has to be routed again", async () => {
  const { a, b, calls, outcomes } = await run([[conflict, credited]]);
  expect(calls).toEqual([
    { paymentIds: [a, b], progress },
    { paymentIds: [a], progress: null },
  ]);
  expect(outcomes).toMatchObject([{ ok: true }, { ok: false, reroute: true }]);
});

test("a retry that completes the report stores the progress", async () => {
  const { a, b, calls, outcomes } = await run([[conflict, ok]]);
  expect(calls).toEqual([
    { paymentIds: [a, b], progress },
    { paymentIds: [a], progress },
  ]);
  expect(outcomes).toMatchObject([{ ok: true }, { ok: true }]);
});
