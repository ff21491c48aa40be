/**
 * What happens to a payment: from its state and one input to its next state and the events that tell it. Pure and
 * total: no clock, no I/O, never throws. The tables are in `transitions.ts`, `transfer-transitions.ts` and
 * `commands-table.ts`.
 * Source: PAYMENT_STATES.md.
 */
import { decideCommand } from "./commands.ts";
import { createPayment } from "./create.ts";
import type { Decide, Decision } from "./decision.ts";
import { deadlineOf, emit, finish, type Shortages, startDraft, unchanged } from "./draft.ts";
import { decideTransfers } from "./on-transfers.ts";
import type { PaymentState } from "./payment.ts";
import { isTime } from "./sane.ts";
import { isLive } from "./transfer.ts";
import { stepHead, stepObservations } from "./transfers-step.ts";
import { TIME_TRIGGERS } from "./transitions.ts";

export type { Decide, DecidedEvent, Decision, Input, NewPayment, Refusal, Rejection } from "./decision.ts";

export const decide: Decide = (state, input, atMs, shortages = null) => {
  if (!isTime(atMs)) return refused("invalid_request", "The decision's time is no time that a calendar can hold.");
  if (state === null) {
    if (input.type === "create") return createPayment(input.payment, atMs);
    return refused("not_found", "There is no such payment.");
  }
  switch (input.type) {
    case "create":
      return refused("conflict", `The payment exists already; it is ${state.payment.status}.`);
    case "observe":
      return decideTransfers(
        state,
        stepObservations(state, input.observations, atMs, input.maxTransfers),
        atMs,
        shortages,
      );
    case "head":
      return decideTransfers(state, stepHead(state, input.height), atMs, shortages);
    case "tick":
      return decideTime(state, input.watchedUntilMs, atMs, shortages);
    default:
      return decideCommand(state, input, atMs, shortages);
  }
};

/** Time counts only as far as the chain has been watched: what was paid while nobody looked is not expired. */
function decideTime(state: PaymentState, watchedUntilMs: number, atMs: number, shortages: Shortages): Decision {
  const trigger = TIME_TRIGGERS[state.payment.status];
  const deadlineMs = deadlineOf(state.payment, state.transfers);
  if (trigger === null || trigger.event === null || deadlineMs === null || !(watchedUntilMs >= deadlineMs)) {
    return unchanged(state);
  }
  const draft = startDraft(state.payment, atMs, shortages);
  draft.payment.status = trigger.to;
  emit(draft, trigger.event, state.transfers.filter(isLive));
  return finish(state, draft, state.transfers, []);
}

function refused(code: "invalid_request" | "not_found" | "conflict", message: string): Decision {
  return { ok: false, refusal: { code, message } };
}
