/** The prose of PAYMENT_STATES.md. */
import type { PaymentFlag, StockState } from "@paybell/protocol";
import type { Coverage } from "../../packages/server/src/payments/coverage.ts";
import type { StockCommand } from "../../packages/server/src/payments/stock-table.ts";

export const TRANSFER_NOTES: readonly string[] = [
  "In a block means `included`, `confirmed` from max(`confirmationsRequired`, 1) confirmations on, `final` from " +
    "`finalConfirmations` on or when the chain itself calls it irreversible.",
  "In the same block, or where the observer names no block, only more confirmations are news. Another block is a move: " +
    "counted afresh, told by `transfer.included` (or deeper) once more and by `payment.reorged`.",
  "`failed` means that the transaction ran without effect: unknown, it is ignored; known, it counts as dropped. So does " +
    "a known transfer that now pays another coin, or nothing. The amount is taken from the newest block it entered.",
  "All observations of one report are decided together, and only the net effect is told: out of a block and into " +
    "another is a move, there and back is nothing.",
  "Not credited, but recorded as `transfer.unattributed`: another coin or chain (`wrong_asset`); older than the payment, " +
    "where a block's clock is trusted up to ten minutes, and a payment that names its transaction takes one that is up to ten " +
    "minutes older (`older_than_payment`); beyond 1,000 transfers (`too_many_transfers`); on an address that payments share, " +
    "for none of them (`no_match`). A known transfer is never refused; a transfer of nothing is ignored.",
  "`dueHeight` is the next head height at which there is something to say; without a block it is null, and the observer " +
    "has to count on.",
];

export const COVERAGE_TEXT: Readonly<Record<Coverage, string>> = {
  none: "nothing is live",
  under: "less than the amount is live",
  seen: "the live transfers reach the amount",
  included: "those in a block reach it",
  confirmed:
    "those that meet the policy reach it: `confirmed` or `final`, or, with 0 confirmations required, seen and not replaceable",
  final: "those that are final reach it; so dust beside them holds nothing up",
};

export const LATE_NOTE =
  "Applied until it says stay, so several events may follow from one input. The row of `expired` also holds for a covered " +
  "payment that is still pending while a transfer it needs was sent after expiry; where none was, `payment.late` is told " +
  "as `payment.confirming`, without the flag. Past monitoring, by the transfer's own time, nothing covers an expired " +
  "payment any more. With the flag `manual` no coverage moves the status.";

export const FLAG_TEXT: Readonly<Record<PaymentFlag, string>> = {
  late: "it was covered with the help of a transfer that was sent after expiry",
  multiple: "more than one transfer was live at once",
  rbf: "a transfer was replaced by a transaction that pays this payment too",
  double_spend: "a transfer was replaced by one that does not, as far as known",
  reorged: "a transfer left its block, or moved to another",
  manual: "an operator resolved it",
  needs_review:
    "money came where none was expected: cancelled, failed, or expired past monitoring; or an order is short of stock",
};

export const EVENT_ORDER =
  "One input is told in this order: `transfer.*`, one for each transfer whose status or block changed; " +
  "`payment.confirmation` for those that only got deeper; `payment.double_spend` (replaced, dropped) and " +
  "`payment.reorged` (orphaned, moved), one for each reason, also where the status stays; the status; money that moved no " +
  "status. Amounts in all of them are those after the whole input; the status is the one right after the event. An event " +
  "lists the transfers that it is about, the newest 50 at most.";

export const CLAIM_NOTE =
  "A claim may name the transaction (`txId`) where the payment knows its `payer`: it is kept as `claimedTxId`, looked up at " +
  "once, and moves no status by itself. Another one may be named while the payment is pending; one whose transfer is known " +
  "is accepted in every status.";

export const STANDING_TEXT =
  "`amount: null`: never covered, never expires, stays pending until it is cancelled. `transfer.*` and " +
  "`payment.confirmation` are all it tells, and `payment.unexpected_funds` once it is cancelled. Only the transfers " +
  "concerned are loaded, so `received` is carried on by their difference, and no flag is set by transfers. There is nothing " +
  "to resolve. A registration (`match.tributary`) is one; so is each payment that a record's text makes beside it, once, " +
  "in the registration's asset and never older than it.";

export const STOCK_INTRO =
  "Only of an order (`POST /v1/orders`): a payment whose line items hold units of products. A product's `stock` is what is " +
  "on hand, `reserved` is the part of it that orders wait to pay for; 0 ≤ reserved ≤ stock always. The tables are applied " +
  "at every event, so each event carries the stock as it stands right after it.";

export const STOCK_STATE_TEXT: Readonly<Record<StockState, string>> = {
  reserved: "its units are set aside: in `stock` and in `reserved`",
  taken: "its units are gone from both",
  released: "given back before they were taken; it holds nothing",
  short: "paid without a reservation when too few were free; it holds nothing and has `needs_review`",
  returned: "taken, and put back into `stock` by a reversal; it holds nothing",
};

export const STOCK_COMMAND_TEXT: Readonly<Record<StockCommand, string>> = {
  resolve_paid: "`/resolve` as paid",
  refund: "`/delivery` to refunded",
  erase: "erased",
};

/** @param whileShort the delivery states of an order that is short */
export const STOCK_NOTES = (whileShort: string): readonly string[] => [
  "·: stays. Once delivery is `refunded` nothing more is taken.",
  "Whether units are free the store decides, in the transaction of the decision. Where they are not, the payment is decided " +
    "again without them: short, never below zero, and never a transfer that is not recorded.",
  "What was taken and is being delivered stays taken, whatever becomes of the payment: only the merchant knows where the " +
    "goods are. He adds them again by `PATCH /v1/products/{id}`.",
  `Short, the order waits: delivery may become ${whileShort} only. Resolved as paid it takes its units once they are free, ` +
    "and is refused with `out_of_stock` until then. Refunded it wants nothing any more.",
  "A late payment reserves nothing while it is confirming: what it wants is looked for when it is paid.",
  "One pending order per customer: a further one is refused when it is made, not one that becomes pending again.",
  "Each change of a product's numbers is a record `stock.changed`, right behind the payment's records that caused it, in " +
    "the same transaction.",
];

export const DECISIONS: readonly string[] = [
  "**Two thresholds.** `paid` is safe to ship by the payment's policy, `final` is beyond the reorg horizon.",
  "**Dropped is lost.** A transfer that left the mempool no longer counts; it may come back. It is told by " +
    "`payment.double_spend` with reason `dropped`, and leaves no flag.",
  "**Nothing is beyond doubt.** Even a final transfer can be orphaned; then the payment is reversed.",
  "**Paid survives a move.** In a younger block, with fewer confirmations, a paid payment stays paid; back in the mempool " +
    "it is reversed. If it is reversed after such a move, it has to earn its confirmations again.",
  "**Confirmations are told one by one** up to max(`confirmationsRequired`, 2), also under, over and standing, then not " +
    "until `final`. Two at least, because Blockonomics clients wait for two whatever the policy. The number kept stops " +
    "there too, so it does not depend on how many blocks came at once.",
  "**Expiry is a tick's business alone.** A confirming payment that loses its cover past expiry is pending until the next " +
    "tick, which finds it due at once and tells `payment.expired`. So `expired` always means that the chain was watched " +
    "until expiry.",
  "**Late is a matter of the transfer's own time** (the earlier of first seen and its block's time), not of which tick " +
    "came first.",
  "**Unknown is not failed.** A confirming payment fails at the end of monitoring only if its transfers were never in a " +
    "block; one that a reorg put back into the mempool waits on.",
  "**The paying transaction** (`txId`) is the one whose transfer made the sum reach the amount, in order of their time, " +
    "among the transfers that make up the coverage: a double beside it that is still unconfirmed is not named.",
  "**A command asked twice** is accepted and done once. An operator may resolve again what he resolved.",
  "**Erasing** is allowed in every status: customer, reference, items and metadata go, and nothing is waited for any more.",
  "**A reversed order is pending.** Its customer waits with it: while the chain may bring the payment back, a second order " +
    "could be paid beside it. `/resolve` as failed ends it.",
];

export interface Invariant {
  text: string;
  file: string;
  /** Title of the test that enforces it. */
  test: string;
}

export const INVARIANTS: readonly Invariant[] = [
  {
    text: "No input throws, not even one without sense.",
    file: "properties.test.ts",
    test: "never throws, not even at inputs without sense",
  },
  {
    text:
      "At rest the tables have nothing more to say; `received` is the sum of the live transfers; sequences have no gap; " +
      "what is not told does not happen; a flag once set stays.",
    file: "properties.test.ts",
    test: "is legal at every step",
  },
  {
    text:
      "`payment.paid` only when transfers of the payment's own coin that meet its policy reach the amount; " +
      "`payment.finalized` and `payment.reversed` only after `payment.paid`; `payment.expired` only when the chain was " +
      "watched until expiry (all but what an operator resolved).",
    file: "properties.test.ts",
    test: "is legal at every step",
  },
  {
    text: "A repeated report, head or tick changes nothing.",
    file: "properties.test.ts",
    test: "is not changed by a report, a head or a tick that is repeated",
  },
  {
    text: "The order between different transfers makes no difference to transfers, received and amount state.",
    file: "properties.test.ts",
    test: "the order between different transfers makes no difference to what was received",
  },
  {
    text: "A reorg and its undoing restore transfers, received, amount state and status (but for decision 4).",
    file: "properties.test.ts",
    test: "a reorg and its undoing restore transfers, received, amount state and status",
  },
  {
    text: "A standing payment has received the sum of all its live transfers.",
    file: "properties.test.ts",
    test: "a standing payment, of which only the transfers concerned are at hand, has received the sum of all",
  },
  {
    text: "Every path through the coverage table ends.",
    file: "tables.test.ts",
    test: "coverage %s leads somewhere and stays there",
  },
  {
    text: "More coverage never leads to a worse status.",
    file: "tables.test.ts",
    test: "more coverage never leads to a worse place",
  },
  {
    text: "Every cell of the transfer table does what it says.",
    file: "transfers.test.ts",
    test: "follows the table when it is observed as %s",
  },
  {
    text: "Every cell of the command table does what it says; a refusal names the status and what is allowed.",
    file: "commands.test.ts",
    test: "answers %s as the table says",
  },
  {
    text: "A payment is not expired by the clock while nobody watched its chain.",
    file: "life-cycle.test.ts",
    test: "does not expire a payment by the clock while nobody watched the chain",
  },
  {
    text: "After an operator's word coverage no longer moves the status, but everything is still told.",
    file: "late.test.ts",
    test: "coverage no longer moves the status, but what happens is told and flagged",
  },
  {
    text: "An event carries the payment as it stood right after it.",
    file: "events.test.ts",
    test: "carries the payment as it stood right after it, with its own sequence",
  },
  {
    text: "Every cell of the stock tables does what it says.",
    file: "stock.test.ts",
    test: "finds units that were %s where the table wants them",
  },
  {
    text:
      "An order takes its units only when it is paid, and never twice without giving them back; with the store, every unit " +
      "is accounted for (`packages/server/test/ingest/stock-properties.test.ts`), also after a crash " +
      "(`packages/server/test/storage/sqlite-stock-kill9.test.ts`).",
    file: "stock.test.ts",
    test: "takes its units only when it is paid and never twice, and rests where the table says",
  },
];
