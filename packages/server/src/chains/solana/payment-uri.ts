/** What a wallet is given to pay with. Source: Solana Pay 1.0, transfer requests. */
import { decimalAmount } from "../decimal-amount.ts";
import type { PaymentUriRequest } from "../watcher.ts";

/**
 * @param mint of the token; `null`: SOL
 * @returns `null` where no wallet's transfer would be recognised: Tributary's program makes the payment then
 */
export function solanaPay(request: PaymentUriRequest, mint: string | null): string | null {
  const { address, amountAtomic, decimals, match } = request;
  if (match?.tributary !== undefined) return null;
  const fields: [string, string][] = [];
  if (amountAtomic !== null) fields.push(["amount", decimalAmount(amountAtomic, decimals)]);
  if (mint !== null) fields.push(["spl-token", mint]);
  if (match?.referenceKey !== undefined) fields.push(["reference", match.referenceKey]);
  if (match?.memo !== undefined) fields.push(["memo", match.memo]);
  const query = fields.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
  return `solana:${address}${query === "" ? "" : `?${query}`}`;
}
