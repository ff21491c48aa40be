/** A store in which every table has rows, odd ones among them. The simulated chain alone is left to those who have one. */
import { randomUUID } from "node:crypto";
import type { LogRecord } from "../../src/log/event-log.ts";
import { topics } from "../../src/log/topic.ts";
import type { Payment } from "../../src/payments/payment.ts";
import type { OpenStore } from "./home.ts";
import { change, creation, recordsIn, samplePayment, sampleTransfer, T0_MS, unattributedTransfer } from "./samples.ts";
import { making, ordering, sampleProduct } from "./stock-samples.ts";

/** Quotes, backslashes, braces, line ends that JSON does not escape, and what is longer than one UTF-16 unit. */
const ODD = "NULL {\"\\ü\u2028,} 🔔'\t";

export interface FullStore {
  merchantId: string;
  payments: readonly Payment[];
  sessionIds: readonly string[];
}

export async function fill(store: OpenStore, merchantId = "merchant"): Promise<FullStore> {
  await fillMerchant(store, merchantId);
  const payments = await fillPayments(store, merchantId);
  await fillAnswers(store, merchantId, payments);
  const sessionIds = Array.from({ length: 3 }, () => randomUUID());
  for (const id of [...sessionIds, sessionIds[0] as string]) {
    const joined = [{ topic: topics.customer(merchantId, ODD), joinedAt: 1 }];
    await store.sessions.keepSession({ id, merchantId, joined, seenAtMs: T0_MS }, 100);
  }
  return { merchantId, payments, sessionIds };
}

async function fillMerchant({ merchants }: OpenStore, merchantId: string): Promise<void> {
  await merchants.createMerchant({ id: merchantId, name: ODD, createdAtMs: T0_MS, xpubs: { bitcoin: "xpub" } });
  await merchants.setAddress(merchantId, "sui", `wallet of ${merchantId}`);
  await merchants.changeSettings(merchantId, { sessionSecret: "a secret of 32 characters or more", openOrders: true });
  const key = { merchantId, createdAtMs: T0_MS, revokedAtMs: null };
  await merchants.createKey({ ...key, id: `key_${randomUUID()}`, kind: "secret", hash: randomUUID(), hint: "sk" });
  const token = { merchantId, token: ODD, hash: randomUUID(), createdAtMs: T0_MS, expiresAtMs: null };
  await merchants.issueAccessToken(token, { revokeOlder: false });
  for (let taken = 0; taken < 3; taken += 1) await merchants.takeDerivationIndex("bitcoin", "account", 20);
}

/** Two of one moment on one address, an order, one that was erased, and a standing one with transfers. */
async function fillPayments({ log }: OpenStore, merchantId: string): Promise<Payment[]> {
  const recipient = `recipient-${randomUUID()}`;
  const make = (given: Partial<Payment> = {}) => samplePayment({ merchantId, ...given });
  const first = make({ recipient, status: "cancelled", metadata: { note: ODD }, reference: ODD });
  const second = make({ recipient, derivationIndex: 2 });
  const shared = make({ recipient: `memo:1@${recipient}`, match: { memo: "1" } });
  const standing = make({ amountAtomic: null });
  const erased = make({ customer: "alice@example.com" });
  const product = sampleProduct({ merchantId });
  const store = async (...commands: Parameters<typeof log.append>[0]): Promise<LogRecord[]> =>
    recordsIn(await log.append(commands));
  await store(making(product));
  await store(creation(first), { ...creation(second), derivedFrom: "account" });
  await store({ ...creation(shared), sharedRecipient: recipient }, creation(standing), creation(erased));
  const order = ordering(product, 2);
  await store(order, unattributedTransfer(merchantId, randomUUID()));
  const transfers = [sampleTransfer(standing, { dueHeight: 9 }), sampleTransfer(standing, { spends: [ODD] })];
  await store(change(standing, {}, { transfers }));
  const named = [topics.payment(erased.id), topics.customer(merchantId, "alice@example.com")];
  await store(change(erased, { customer: null, erasedAtMs: T0_MS }, { topics: named }));
  const progress = { chain: `chain of ${merchantId}`, cursor: { at: ODD }, headHeight: 7, watchedUntilMs: T0_MS };
  await log.append([], progress);
  return [first, second, shared, standing, order.payment];
}

async function fillAnswers({ idempotency }: OpenStore, merchantId: string, payments: readonly Payment[]) {
  const answer = { merchantId, requestHash: "hash", httpStatus: 201, body: `{"odd":${JSON.stringify(ODD)}}` };
  const paymentIds = payments.map(({ id }) => id);
  await idempotency.storeIdempotentAnswer({ ...answer, key: ODD, atMs: T0_MS, paymentIds });
  await idempotency.storeIdempotentAnswer({ ...answer, key: "about none", atMs: T0_MS });
}
