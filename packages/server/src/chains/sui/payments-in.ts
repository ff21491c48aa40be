/**
 * What a transaction paid to whom: from its balance changes, net of gas. Source: sui.rpc.v2, ExecutedTransaction.
 *
 * A failed transaction changes gas balances only, and its refund of storage may even be more than its gas: nothing in it
 * is a payment. In one that succeeded the change is what the address really has more, whatever coins moved on the way.
 */
import type { GrpcTypes } from "@mysten/sui/grpc";
import { normalizeSuiAddress } from "@mysten/sui/utils";
import { EndpointFailure } from "../following/block-source.ts";
import { present } from "./checkpoint.ts";
import type { CoinRegistry } from "./coins.ts";
import type { Fields } from "./sui-node.ts";

/** Enough for `paymentsIn`, of a transaction. */
export const PAYMENT_FIELDS: Fields = ["digest", "effects.status", "balance_changes"];

export interface SuiPayment {
  recipient: string;
  /** Canonical. */
  coinType: string;
  asset: string;
  amountAtomic: bigint;
  /** Whose balance of this coin went down. */
  payers: readonly string[];
}

/** What of a registered coin came to recipients that somebody knows.
 * @throws EndpointFailure where the answer lacks something */
export function paymentsIn(
  { effects, balanceChanges }: GrpcTypes.ExecutedTransaction,
  coins: CoinRegistry,
  knows: (recipient: string) => boolean,
): SuiPayment[] {
  if (present(effects?.status?.success, "effects.status.success") === false) return [];
  const payments = balanceChanges.flatMap((change) => {
    const coin = coins.find(change.coinType ?? "");
    if (coin === null) return [];
    const recipient = addressOf(change);
    const amountAtomic = amountOf(change);
    if (amountAtomic <= 0n || !knows(recipient)) return [];
    return [{ recipient, coinType: coin.coinType, asset: coin.symbol, amountAtomic }];
  });
  if (payments.length === 0) return [];
  const payers = payersByCoin(balanceChanges, coins);
  return payments.map((payment) => ({ ...payment, payers: payers.get(payment.coinType) ?? [] }));
}

function payersByCoin(changes: readonly GrpcTypes.BalanceChange[], coins: CoinRegistry): Map<string, string[]> {
  const payers = new Map<string, string[]>();
  for (const change of changes) {
    const coin = coins.find(change.coinType ?? "");
    if (coin === null || amountOf(change) >= 0n) continue;
    const known = payers.get(coin.coinType);
    if (known) known.push(addressOf(change));
    else payers.set(coin.coinType, [addressOf(change)]);
  }
  return payers;
}

function addressOf({ address }: GrpcTypes.BalanceChange): string {
  return normalizeSuiAddress(present(address, "balance_changes.address"));
}

function amountOf({ amount }: GrpcTypes.BalanceChange): bigint {
  const text = present(amount, "balance_changes.amount");
  if (/^-?[0-9]{1,40}$/.test(text)) return BigInt(text);
  throw new EndpointFailure(`"${text.slice(0, 50)}" is no change of a balance.`);
}
