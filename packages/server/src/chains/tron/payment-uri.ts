/**
 * `tron:<address>?amount=<whole coins>&token=<contract>`. TRON has no standard for this. The form with `amount` is what
 * block explorers and payment plugins write and most wallets read (tronscan-frontend#422, BTCPayServer.Plugins.USDt#40);
 * `token` and `memo` are additions that a wallet may pass over, so a checkout should show coin and memo beside the code.
 */
import { decimalAmount } from "../decimal-amount.ts";
import type { PaymentUriRequest } from "../watcher.ts";

/** @param contract of a token, base58; `null` for TRX */
export function paymentUri(request: PaymentUriRequest, contract: string | null): string {
  const { address, decimals, amountAtomic, match } = request;
  const query = [
    ...(amountAtomic === null ? [] : [`amount=${decimalAmount(amountAtomic, decimals)}`]),
    ...(contract === null ? [] : [`token=${contract}`]),
    ...(match?.memo === undefined ? [] : [`memo=${encodeURIComponent(match.memo)}`]),
  ];
  return `tron:${address}${query.length === 0 ? "" : `?${query.join("&")}`}`;
}
