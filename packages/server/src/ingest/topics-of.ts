/** The topics under which a payment's records are found. Source: DESIGN.md, "Words". */
import { type Topic, topics } from "../log/topic.ts";
import type { Payment } from "../payments/payment.ts";

export function topicsOf(payment: Payment): Topic[] {
  const found = [topics.payment(payment.id), topics.merchant(payment.merchantId)];
  if (payment.customer !== null) found.push(topics.customer(payment.merchantId, payment.customer));
  if (payment.reference !== null) found.push(topics.reference(payment.merchantId, payment.reference));
  if (payment.address !== null) found.push(topics.address(payment.merchantId, payment.chain, payment.address));
  return found;
}
