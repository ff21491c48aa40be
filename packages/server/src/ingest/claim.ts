/** What a claim may name: the transaction by which the payer's side says to have paid. */
import { matchKeyOf, recipientIn } from "../chains/match.ts";
import { PaybellError } from "../kit/errors.ts";
import type { Payment } from "../payments/payment.ts";
import type { ChainRegistry } from "./chain-registry.ts";
import { canonicalMatch } from "./new-match.ts";

/** In canonical form.
 * @throws PaybellError invalid_request: nobody knows who pays, or it is no transaction's id; not_supported */
export function claimedTxId({ chain, match }: Payment, txId: string, chains: ChainRegistry): string {
  if (match?.payer === undefined) {
    throw new PaybellError(
      "invalid_request",
      "txId: a transaction counts only if the payer's own address sent it, and this payment does not know that address: give it when the payment is created (match.payer). Claim without txId to note only that the payer says to have paid.",
      { field: "txId" },
    );
  }
  return canonicalMatch(chains.get(chain).facts, "txId", txId, "txId");
}

/** Whose transaction the chain's watcher is to look up now; `null`: none was named. */
export function claimedKey({
  match,
  recipient,
  claimedTxId,
}: Pick<Payment, "match" | "recipient" | "claimedTxId">): string | null {
  if (match?.payer === undefined || recipient === null || claimedTxId === null) return null;
  return matchKeyOf(recipientIn(recipient), { txId: claimedTxId, payer: match.payer });
}
