/** Commands of the payer, the merchant or an operator, by the tables of `commands-table.ts`. Pure. */
import { type DeliveryState, PAYMENT_STATUSES } from "@paybell/protocol";
import {
  COMMAND_TABLE,
  type Command,
  type CommandCell,
  type Condition,
  DELIVERY_IN_STATUS,
  DELIVERY_NEXT,
  DELIVERY_WHILE_SHORT,
} from "./commands-table.ts";
import type { Decision, Input } from "./decision.ts";
import { type Draft, emit, finish, flag, type Shortages, startDraft, unchanged } from "./draft.ts";
import type { Payment, PaymentState } from "./payment.ts";
import type { StockCommand } from "./stock-table.ts";
import { isLive } from "./transfer.ts";

export type CommandInput = Extract<Input, { type: "claim" | "cancel" | "deliver" | "resolve" | "erase" }>;

export function decideCommand(state: PaymentState, input: CommandInput, atMs: number, shortages: Shortages): Decision {
  const { payment } = state;
  const command = commandOf(input);
  const cell = COMMAND_TABLE[payment.status][command];
  if (cell === "unchanged" || isAlreadySo(state, input, cell)) return unchanged(state);
  if (cell === "refused") return refuse(state, command);
  if (cell.when !== null && !holds(cell.when, state)) return refuse(state, command, cell.when);
  if (input.type === "deliver" && !nextDeliveries(state).includes(input.to)) return refuseDelivery(state, input.to);

  const draft = startDraft(payment, atMs, shortages);
  draft.command = stockCommandOf(input);
  draft.payment.status = cell.to;
  if (input.type === "erase") return erase(state, draft);
  if (input.type === "claim") {
    draft.payment.claimedAtMs ??= draft.atMs;
    draft.payment.claimedTxId = input.txId ?? payment.claimedTxId;
  }
  if (input.type === "deliver") draft.payment.delivery = input.to;
  if (input.type === "resolve") flag(draft, "manual");
  emit(draft, cell.event, [], whatWasSaid(state, input, draft));
  if (wantsStock(payment, input) && draft.payment.stock === "short") return refuseShort(shortages);
  return finish(state, draft, state.transfers, []);
}

function commandOf(input: CommandInput): Command {
  if (input.type !== "resolve") return input.type;
  return input.as === "paid" ? "resolve_paid" : "resolve_failed";
}

function stockCommandOf(input: CommandInput): StockCommand | null {
  if (input.type === "erase") return "erase";
  if (input.type === "deliver" && input.to === "refunded") return "refund";
  return input.type === "resolve" && input.as === "paid" ? "resolve_paid" : null;
}

/** A short order is resolved as paid once there is stock for it. */
function wantsStock({ stock }: Payment, input: CommandInput): boolean {
  return stock === "short" && input.type === "resolve" && input.as === "paid";
}

/** Asked twice, done once: a repeated command is accepted and changes nothing. */
function isAlreadySo({ payment, transfers }: PaymentState, input: CommandInput, cell: CommandCell): boolean {
  switch (input.type) {
    case "claim":
      if (input.txId === undefined) return payment.claimedAtMs !== null;
      if (payment.claimedTxId === input.txId) return true;
      // The chain was faster: what is named is here already.
      return cell === "refused" && transfers.some(({ txId }) => txId === input.txId);
    case "cancel":
      return false;
    case "deliver":
      return payment.delivery === input.to;
    case "resolve":
      if (wantsStock(payment, input)) return false;
      return payment.flags.includes("manual") && typeof cell === "object" && cell.to === payment.status;
    case "erase":
      return payment.erasedAtMs !== null;
  }
}

function holds(condition: Condition, { payment, transfers }: PaymentState): boolean {
  switch (condition) {
    case "in_doubt":
      // A standing payment owes nothing: there is nothing to call paid or failed.
      if (payment.amountAtomic === null) return false;
      return payment.flags.includes("needs_review") || payment.flags.includes("manual");
    case "no_transfer":
      // An orphaned transfer will most likely be back in a moment.
      return (
        payment.amountAtomic === null ||
        transfers.every((transfer) => !isLive(transfer) && transfer.status !== "orphaned")
      );
  }
}

function whatWasSaid({ payment }: PaymentState, input: CommandInput, draft: Draft): { from?: string; to?: string } {
  if (input.type === "deliver") return { from: payment.delivery, to: input.to };
  if (input.type === "resolve") return { from: payment.status, to: draft.payment.status };
  return {};
}

/** Nothing of the buyer stays in the payment, and nothing is waited for any more. */
function erase(state: PaymentState, draft: Draft): Decision {
  const { payment } = draft;
  const personal = { customer: null, metadata: null, items: null, reference: null, match: null, claimedTxId: null };
  Object.assign(payment, { ...personal, erasedAtMs: draft.atMs });
  emit(draft, "payment.erased");
  const transfers = state.transfers.map((transfer) =>
    transfer.dueHeight === null ? transfer : { ...transfer, dueHeight: null },
  );
  const changed = transfers.filter((transfer, at) => transfer !== state.transfers[at]);
  return finish(state, draft, transfers, changed);
}

function nextDeliveries({ payment }: PaymentState): readonly DeliveryState[] {
  const inStatus = DELIVERY_IN_STATUS[payment.status];
  const next = DELIVERY_NEXT[payment.delivery].filter((delivery) => inStatus.includes(delivery));
  return payment.stock === "short" ? next.filter((delivery) => DELIVERY_WHILE_SHORT.includes(delivery)) : next;
}

const CONDITION_TEXT: Readonly<Record<Condition, string>> = {
  no_transfer: "only while no transfer has been seen",
  in_doubt: "only with the flag needs_review or manual, and never without an amount",
};

function refuse({ payment }: PaymentState, command: Command, unmet: Condition | null = null): Decision {
  const allowed = PAYMENT_STATUSES.filter((status) => COMMAND_TABLE[status][command] !== "refused");
  const why =
    unmet === null
      ? `it is allowed while the payment is ${allowed.join(", ")}`
      : `in this status ${CONDITION_TEXT[unmet]}`;
  const message = `The payment is ${payment.status}; ${command.replace("_", " as ")} is not possible: ${why}.`;
  return { ok: false, refusal: { code: "invalid_state", message, details: { status: payment.status, allowed } } };
}

function refuseShort(shortages: Shortages): Decision {
  const message = "The order is short: put its units into stock first (PATCH /v1/products/{id}), or refund it.";
  return { ok: false, refusal: { code: "out_of_stock", message, details: { products: shortages } } };
}

function refuseDelivery(state: PaymentState, to: DeliveryState): Decision {
  const { status, delivery, stock } = state.payment;
  const allowed = nextDeliveries(state);
  const options = allowed.length === 0 ? "nothing follows from here" : `allowed now: ${allowed.join(", ")}`;
  const short = stock === "short" ? ", and its order is short of stock" : "";
  const message = `The payment is ${status} and its delivery is ${delivery}${short}; it cannot become ${to}: ${options}.`;
  return { ok: false, refusal: { code: "invalid_state", message, details: { status, delivery, allowed } } };
}
