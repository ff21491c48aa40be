/** Payments, transfers and commands to store. What they say is consistent as far as a store can tell. */
import { randomUUID } from "node:crypto";
import type { AppendResult, LogRecord, PaymentCommand, UnattributedCommand } from "../../src/log/event-log.ts";
import { topics } from "../../src/log/topic.ts";
import { type Payment, summarise } from "../../src/payments/payment.ts";
import type { Transfer } from "../../src/payments/transfer.ts";

export const T0_MS = Date.UTC(2026, 0, 1);

/** A pending payment of 10 SBX on an address of its own, created at `T0_MS`. */
export function samplePayment(given: Partial<Payment> = {}): Payment {
  const id = given.id ?? randomUUID();
  return {
    id,
    merchantId: "merchant",
    chain: "sandbox",
    asset: "SBX",
    decimals: 6,
    amountAtomic: 10_000_000n,
    address: `address-${id}`,
    recipient: `recipient-${id}`,
    match: null,
    derivationIndex: null,
    uri: null,
    reference: null,
    customer: null,
    items: null,
    metadata: null,
    stock: null,
    status: "pending",
    amountState: "none",
    delivery: "none",
    flags: [],
    receivedAtomic: 0n,
    coveringTxId: null,
    confirmations: 0,
    policy: { confirmationsRequired: 2, finalConfirmations: 6 },
    claimedAtMs: null,
    claimedTxId: null,
    sequence: 1,
    createdAtMs: T0_MS,
    updatedAtMs: T0_MS,
    expiresAtMs: null,
    monitorUntilMs: null,
    deadlineMs: null,
    erasedAtMs: null,
    ...given,
  };
}

/** In the mempool, with a transaction id of its own. */
export function sampleTransfer(payment: Payment, given: Partial<Transfer> = {}): Transfer {
  return {
    chain: payment.chain,
    txId: randomUUID(),
    index: "0",
    asset: payment.asset,
    amountAtomic: 10_000_000n,
    recipient: payment.recipient ?? "nowhere",
    status: "seen",
    confirmations: 0,
    block: null,
    firstSeenAtMs: T0_MS,
    replaceable: false,
    replacedBy: null,
    spends: [],
    dueHeight: null,
    ...given,
  };
}

type Extra = Partial<Pick<PaymentCommand, "transfers" | "topics" | "idempotency" | "derivedFrom">>;

function paymentCommand(payment: Payment, expectedSequence: number, extra: Extra): PaymentCommand {
  const type = expectedSequence === 0 ? "payment.created" : "payment.delivery_changed";
  return {
    kind: "payment",
    expectedSequence,
    payment,
    transfers: [],
    events: [
      {
        type,
        sequence: payment.sequence,
        atMs: payment.updatedAtMs,
        data: { payment: summarise(payment), transfers: [] },
      },
    ],
    topics: [topics.payment(payment.id), topics.merchant(payment.merchantId)],
    ...extra,
  };
}

export function creation(payment: Payment, extra: Extra = {}): PaymentCommand {
  return paymentCommand(payment, 0, extra);
}

/** One event later. */
export function change(before: Payment, given: Partial<Payment> = {}, extra: Extra = {}): PaymentCommand {
  return paymentCommand({ ...before, ...given, sequence: before.sequence + 1 }, before.sequence, extra);
}

export function unattributedTransfer(merchantId: string, txId: string, creditTimeMs = T0_MS): UnattributedCommand {
  return {
    kind: "unattributed",
    merchantId,
    chain: "sandbox",
    txId,
    index: "0",
    creditTimeMs,
    event: {
      type: "transfer.unattributed",
      atMs: T0_MS,
      data: {
        payment: null,
        transfers: [],
        unattributed: { chain: "sandbox", asset: "SBX", address: "address", why: "older_than_payment" },
      },
    },
    topics: [topics.merchant(merchantId)],
  };
}

/** The records of results that must all have succeeded. */
export function recordsIn(results: readonly AppendResult[]): LogRecord[] {
  return results.flatMap((result) => {
    if (!result.ok) throw new Error(`The append was refused: ${result.reason}.`);
    return [...result.records];
  });
}

/** `ok`, or why not. */
export function outcomes(results: readonly AppendResult[]): string[] {
  return results.map((result) => (result.ok ? "ok" : result.reason));
}
