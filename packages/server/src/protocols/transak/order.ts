/**
 * The order object: the fields of the document's sample response, and a few that Paybell adds. Pure.
 * What the payment knows comes from the payment; everything else is what the merchant gave as `metadata.transak` when he
 * made it. Source: the document, "Sample Response"; docs/protocols/transak.md lists every field.
 */
import type { PaymentSummary } from "@paybell/protocol";
import type { Payment } from "../../payments/payment.ts";
import { wholeCoins } from "../../payments/whole-coins.ts";
import type { Side } from "./status.ts";
import type { Step } from "./steps.ts";

/** As JSON; amounts are numbers of whole coins, as in the document. */
export type Order = Readonly<Record<string, unknown>>;

/** Fields of the sample that only the merchant can know, as they are where he did not say. */
const UNKNOWN: Order = {
  fiatCurrency: null,
  userId: null,
  fiatAmount: null,
  ipAddress: null,
  paymentOptionId: null,
  walletLink: null,
  quoteId: null,
  orderProcessingType: null,
  addressAdditionalData: false,
  conversionPrice: null,
  totalFeeInFiat: null,
  fiatAmountInUsd: null,
  countryCode: null,
  stateCode: null,
  orderChannelType: null,
  tokenContractAddress: null,
  userKycType: null,
  cardPaymentData: {},
  conversionPriceData: {},
  partnerFeeInLocalCurrency: null,
};

/** Fields on channels that anyone may hear. Not among them, because they are about a person: `walletAddress`,
 * `walletLink`, `addressAdditionalData`, `ipAddress`, `userId`, `userKycType`, `cardPaymentData`, `countryCode`,
 * `stateCode`; `transactionHash`, because the wallet is seen in it; and whatever the sample does not have. */
const PUBLIC_FIELDS = [
  "id",
  "createdAt",
  "status",
  "fiatCurrency",
  "cryptoCurrency",
  "isBuyOrSell",
  "fiatAmount",
  "amountPaid",
  "paymentOptionId",
  "quoteId",
  "orderProcessingType",
  "network",
  "conversionPrice",
  "cryptoAmount",
  "totalFeeInFiat",
  "fiatAmountInUsd",
  "orderChannelType",
  "tokenContractAddress",
  "updatedAt",
  "partnerFeeInLocalCurrency",
] as const;

export interface OrderFacts {
  /** As it is stored: what was given when it was made. */
  payment: Payment;
  /** As it stood at the last step. */
  at: PaymentSummary;
  /** Up to the one that is told, at least one. */
  steps: readonly Step[];
}

/** Which of Transak's tables holds for this payment: `metadata.transak.isBuyOrSell`, `BUY` where it does not say. */
export function sideOf(payment: Pick<Payment, "metadata">): Side {
  return givenBy(payment).isBuyOrSell === "SELL" ? "SELL" : "BUY";
}

/** The order as its merchant sees it: every field. */
export function orderOf({ payment, at, steps }: OrderFacts): Order {
  const given = givenBy(payment);
  const last = steps.at(-1);
  if (!last) throw new Error("An order without a step is none.");
  return {
    ...UNKNOWN,
    walletAddress: payment.address,
    cryptoCurrency: payment.asset,
    network: payment.chain,
    cryptoAmount: wholeCoins(at.amount ?? "0", at.decimals),
    ...given,
    id: payment.id,
    status: last.status,
    isBuyOrSell: sideOf(payment),
    createdAt: iso(payment.createdAtMs),
    updatedAt: iso(last.atMs),
    partnerOrderId: payment.reference,
    amountPaid: amountPaid(given.fiatAmount, at),
    transactionHash: at.txId,
    statusHistories: steps.map(({ status, atMs }) => ({ status, createdAt: iso(atMs) })),
  };
}

/** What anyone may know of it. The reference of a payment that was not made for Transak's clients is not theirs. */
export function publicOrderOf(facts: OrderFacts): Order {
  const order = orderOf(facts);
  const fields = PUBLIC_FIELDS.map((name) => [name, scalar(order[name])]);
  return {
    ...Object.fromEntries(fields),
    partnerOrderId: isMadeForTransak(facts.payment) ? order.partnerOrderId : null,
    conversionPriceData: {},
    statusHistories: order.statusHistories,
  };
}

function isMadeForTransak({ metadata }: Pick<Payment, "metadata">): boolean {
  const given: unknown = metadata?.transak;
  return typeof given === "object" && given !== null && !Array.isArray(given);
}

function givenBy(payment: Pick<Payment, "metadata">): Record<string, unknown> {
  return isMadeForTransak(payment) ? (payment.metadata?.transak as Record<string, unknown>) : {};
}

/** Objects may hold anything, so none that the merchant gave is for everybody. */
function scalar(value: unknown): unknown {
  return typeof value === "object" ? null : value;
}

/** In fiat, at the order's own rate, where the order has a fiat amount; else in whole coins. */
function amountPaid(fiatAmount: unknown, { amount, received, decimals }: PaymentSummary): number {
  if (typeof fiatAmount !== "number") return wholeCoins(received, decimals);
  return received === amount ? fiatAmount : (fiatAmount * Number(received)) / Number(amount);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
