/** An order as the shop's own backend shows it. */
import type { Order, OrderItem } from "@paybell/protocol";

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
  const total = coins(amount, decimals);
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
  return { productId, name, price: coins(unitAmount, decimals), quantity, color: options?.color ?? null };
}

/** The nearest number; from 16 digits on it is rounded. */
function coins(amountAtomic: string, decimals: number): number {
  const digits = amountAtomic.padStart(decimals + 1, "0");
  const point = digits.length - decimals;
  return Number(`${digits.slice(0, point)}.${digits.slice(point)}`);
}
