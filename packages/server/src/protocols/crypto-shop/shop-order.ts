/** An order as the shop's own backend shows it. */
import type { Order, OrderItem } from "@paybell/protocol";
import { wholeCoins } from "../../payments/whole-coins.ts";

/** Numbers are whole coins, for the eye; `amount` is what is due, exactly. */
export interface ShopOrder {
  _id: string;
  orderId: string;
  userId: string;
  products: readonly { productId: string; name: string; price: number; quantity: number; color: string | null }[];
  subtotal: number;
  /** Paid by the sender, on top. */
  networkFee: 0;
  total: number;
  status: Order["status"];
  transactionHash: string | null;
  /** Where to pay. */
  merchantAddress: string | null;
  createdAt: string;
  updatedAt: string;
  /** Paybell adds: what a wallet needs. */
  amount: string;
  asset: string;
  decimals: number;
  chain: string;
  uri: string | null;
  expiresAt: string | null;
}

export function shopOrder(order: Order): ShopOrder {
  const { id, payment, amount, status, customer, items, createdAt, updatedAt } = order;
  const { asset, decimals, chain, uri, expiresAt, address, txId } = payment;
  const total = wholeCoins(amount, decimals);
  return {
    _id: id,
    orderId: id,
    userId: customer,
    products: items.map((item) => productOf(item, decimals)),
    subtotal: total,
    networkFee: 0,
    total,
    status,
    transactionHash: txId,
    merchantAddress: address,
    createdAt,
    updatedAt,
    ...{ amount, asset, decimals, chain, uri, expiresAt },
  };
}

function productOf({ productId, name, unitAmount, quantity, options }: OrderItem, decimals: number) {
  return { productId, name, price: wholeCoins(unitAmount, decimals), quantity, color: options?.color ?? null };
}
