/**
 * What becomes of an order's units, by where its payment stands. Total tables: a new status does not compile until every
 * cell is decided. Pure.
 * Source: DESIGN.md, "Life of a payment"; PAYMENT_STATES.md, "Stock", is generated from these.
 */
import type { PaymentStatus, StockState } from "@paybell/protocol";

/**
 * `take_if_free`: what was not reserved any more is taken if it is free, else the order is short and needs review; nothing
 * happens once delivery is refunded. `return_if_undelivered`: back into the stock while delivery is none, else it stays
 * taken: nobody knows where the goods are.
 */
export type StockStep = "keep" | "take" | "take_if_free" | "release" | "return_if_undelivered";

type Row = Readonly<Record<StockState, StockStep>>;

/** Still to be paid: what is held stays held. */
const waiting: Row = { reserved: "keep", taken: "keep", released: "keep", short: "release", returned: "keep" };

/** Paid: the one moment at which units are taken. Short stays so until an operator looks. */
const paid: Row = {
  reserved: "take",
  taken: "keep",
  released: "take_if_free",
  short: "keep",
  returned: "take_if_free",
};

/** Not paid any more, or never: nothing is held. */
const ended: Row = {
  reserved: "release",
  taken: "return_if_undelivered",
  released: "keep",
  short: "release",
  returned: "keep",
};

/** After each event, by the status that it leaves. */
export const STOCK_BY_STATUS: Readonly<Record<PaymentStatus, Row>> = {
  pending: waiting,
  confirming: waiting,
  paid,
  final: paid,
  reversed: ended,
  expired: ended,
  cancelled: ended,
  failed: ended,
};

/** Words after which it is not the status alone that counts. `refund`: delivery becomes refunded. */
export const STOCK_COMMANDS = ["resolve_paid", "refund", "erase"] as const;
export type StockCommand = (typeof STOCK_COMMANDS)[number];

const nothingChanges: Row = { reserved: "keep", taken: "keep", released: "keep", short: "keep", returned: "keep" };

export const STOCK_BY_COMMAND: Readonly<Record<StockCommand, Row>> = {
  resolve_paid: { ...paid, short: "take_if_free" },
  refund: { ...nothingChanges, reserved: "release", short: "release" },
  erase: { ...nothingChanges, reserved: "release", short: "release" },
};

/** What an order in each state holds, in multiples of its quantities. */
export const HELD: Readonly<Record<StockState, { reserved: 0 | 1; taken: 0 | 1 }>> = {
  reserved: { reserved: 1, taken: 0 },
  taken: { reserved: 0, taken: 1 },
  released: { reserved: 0, taken: 0 },
  short: { reserved: 0, taken: 0 },
  returned: { reserved: 0, taken: 0 },
};
