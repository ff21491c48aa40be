/** One line per event, as it is committed: time, event, payment, amount, status, confirmations. */
import { createHash } from "node:crypto";
import type { EventType, PaymentSummary } from "@paybell/protocol";
import { createColors } from "picocolors";
import type { LogRecord } from "../log/event-log.ts";

export interface TailOptions {
  colours: boolean;
  /** A payment's id is a capability. Outside the sandbox a tag stands for it: the same for the same payment, and of no
   * use to anybody. */
  redactIds: boolean;
}

const TYPE_WIDTH = 24;
const ID_WIDTH = 10;
const AMOUNT_WIDTH = 22;
const STATUS_WIDTH = 11;

type Tone = "good" | "progress" | "trouble" | "ended" | "plain";

const TONES: Partial<Record<EventType, Tone>> = {
  "payment.confirming": "progress",
  "payment.confirmation": "progress",
  "payment.paid": "good",
  "payment.finalized": "good",
  "payment.recovered": "good",
  "payment.double_spend": "trouble",
  "payment.reorged": "trouble",
  "payment.reversed": "trouble",
  "payment.failed": "trouble",
  "payment.unexpected_funds": "trouble",
  "payment.expired": "ended",
  "payment.cancelled": "ended",
  "payment.erased": "ended",
  "payment.late": "ended",
  "payment.late_partial": "ended",
  "transfer.orphaned": "trouble",
  "transfer.replaced": "trouble",
  "transfer.dropped": "trouble",
  "transfer.unattributed": "trouble",
};

/** Returns what turns a record into its line, line end included. */
export function tailLine({ colours, redactIds }: TailOptions): (record: LogRecord) => string {
  const { bold, cyan, dim, green, red, yellow } = createColors(colours);
  const paint: Record<Tone, (text: string) => string> = {
    good: (text) => bold(green(text)),
    progress: cyan,
    trouble: red,
    ended: yellow,
    plain: (text) => text,
  };
  return (record) => {
    const { payment } = record.data;
    const type = paint[TONES[record.type] ?? "plain"](record.type.padEnd(TYPE_WIDTH));
    const time = dim(new Date(record.atMs).toISOString().slice(11, 19));
    const id = (record.paymentId === null ? "-" : shortId(record.paymentId, redactIds)).padEnd(ID_WIDTH);
    return `  ${[time, type, id, ...(payment ? stateOf(payment) : [])].join("  ").trimEnd()}\n`;
  };
}

function stateOf(payment: PaymentSummary): string[] {
  const due = payment.amount ?? payment.received;
  return [
    `${formatAmount(due, payment.decimals)} ${payment.asset}`.padEnd(AMOUNT_WIDTH),
    payment.status.padEnd(STATUS_WIDTH),
    `${payment.confirmations}/${payment.confirmationsRequired}`,
  ];
}

function shortId(paymentId: string, redact: boolean): string {
  if (!redact) return paymentId.slice(0, 8);
  return `#${createHash("sha256").update(paymentId).digest("hex").slice(0, 6)}`;
}

/** `1500000` with 6 decimals → `1.5`. */
export function formatAmount(atomic: string, decimals: number): string {
  const digits = atomic.padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, "");
  return fraction === "" ? whole : `${whole}.${fraction}`;
}
