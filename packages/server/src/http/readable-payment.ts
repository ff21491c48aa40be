/** The payment behind an id, and how much of it the caller may see. */
import type { PaymentStore, Snapshot } from "../log/store.ts";
import { isPaymentId } from "../payments/payment-id.ts";
import type { Caller } from "./authenticator.ts";
import type { Audience } from "./deps.ts";
import { paymentNotFound } from "./request-auth.ts";

/**
 * Another merchant's key sees nothing, as if the payment did not exist. A publishable key sees what everyone sees.
 * @throws PaybellError not_found
 */
export async function readablePayment(
  payments: PaymentStore,
  caller: Caller | null,
  id: string,
): Promise<Snapshot & { audience: Audience }> {
  const snapshot = isPaymentId(id) ? await payments.snapshot(id) : null;
  if (!snapshot) throw paymentNotFound();
  if (caller && caller.merchantId !== snapshot.state.payment.merchantId) throw paymentNotFound();
  return { ...snapshot, audience: caller?.kind === "secret" ? "merchant" : "public" };
}
