/** A payment begins. Pure. */
import type { Decision, NewPayment, Refusal } from "./decision.ts";
import { emit, finish, startDraft } from "./draft.ts";
import type { Payment, PaymentState } from "./payment.ts";
import { isTime, policyProblem } from "./sane.ts";

export function createPayment(asked: NewPayment, atMs: number): Decision {
  const problem = problemOf(asked, atMs);
  if (problem !== null) return { ok: false, refusal: problem };
  const { monitoringSeconds, stock = null, createdAtMs = atMs, ...given } = asked;
  const expiresAtMs = given.amountAtomic === null ? null : given.expiresAtMs;
  const payment: Payment = {
    ...given,
    expiresAtMs,
    monitorUntilMs: expiresAtMs === null ? null : expiresAtMs + monitoringSeconds * 1_000,
    stock,
    status: "pending",
    amountState: "none",
    delivery: "none",
    flags: [],
    receivedAtomic: 0n,
    coveringTxId: null,
    confirmations: 0,
    claimedAtMs: null,
    claimedTxId: null,
    sequence: 0,
    createdAtMs,
    updatedAtMs: atMs,
    deadlineMs: null,
    erasedAtMs: null,
  };
  const draft = startDraft(payment, atMs, null);
  emit(draft, "payment.created");
  const before: PaymentState = { payment, transfers: [] };
  return finish(before, draft, [], []);
}

function problemOf(asked: NewPayment, atMs: number): Refusal | null {
  const { amountAtomic, policy, expiresAtMs, monitoringSeconds, createdAtMs } = asked;
  const refuse = (field: string, message: string): Refusal => ({
    code: "invalid_request",
    message: `${field}: ${message}`,
    details: { field },
  });
  if (amountAtomic !== null && amountAtomic <= 0n) {
    return refuse("amount", "must be greater than 0, or null for a standing payment");
  }
  if (createdAtMs !== undefined && !(isTime(createdAtMs) && createdAtMs <= atMs)) {
    return refuse("createdAt", "must be a time that is not in the future");
  }
  const policyMessage = policyProblem(policy);
  if (policyMessage !== null) return refuse("confirmations", policyMessage);
  if (!(monitoringSeconds >= 0)) return refuse("monitoringSeconds", "must be at least 0");
  if (expiresAtMs !== null && !(isTime(expiresAtMs) && isTime(expiresAtMs + monitoringSeconds * 1_000))) {
    return refuse("expiresAt", "must be a time that a calendar can hold, its monitoring included");
  }
  return null;
}
