/** A merchant's backend that takes one order after the other, on the native API. */
import { randomUUID } from "node:crypto";
import type { Order, Product } from "@paybell/protocol";
import type { Api } from "./api.ts";

export interface PlacedOrder {
  /** Of the order and of its payment. */
  id: string;
  address: string;
  customer: string;
  reference: string;
  productId: string;
}

/** What a merchant of Transak's clients knows of an order besides what Paybell knows; `walletAddress` and `ipAddress`
 * are nobody else's business. */
export const TRANSAK_METADATA = {
  transak: {
    isBuyOrSell: "BUY",
    fiatCurrency: "EUR",
    fiatAmount: 30,
    walletAddress: "0xd9020000000000000000000000000000000befee",
    ipAddress: "192.0.2.7",
  },
} as const;

/** In atomic units. */
export const UNIT_PRICE = "1500000";
const UNITS = 2;
export const ORDER_AMOUNT = 3_000_000;
const STOCK = 10;
/** Of the sandbox's chain, for `paid`. */
const CONFIRMATIONS = 2;

export class OrderDesk {
  readonly api: Api;

  constructor(api: Api) {
    this.api = api;
  }

  /** Two units of a product of its own, for a customer of its own. */
  async take(given: { customer?: string; reference?: string } = {}): Promise<PlacedOrder> {
    const { customer = randomUUID(), reference = `order-${randomUUID()}` } = given;
    const product = { name: "Mug", price: UNIT_PRICE, chain: "sandbox", asset: "SBX", stock: STOCK };
    const { id: productId } = await this.api.call<Product>("POST", "/v1/products", product);
    const { id, payment } = await this.api.call<Order>("POST", "/v1/orders", {
      customer,
      reference,
      metadata: TRANSAK_METADATA,
      items: [{ productId, quantity: UNITS }],
    });
    if (payment.address === null) throw new Error("The sandbox allocated no address.");
    return { id, address: payment.address, customer, reference, productId };
  }

  /** Paid and confirmed. Resolves with the transaction's id. */
  async settle({ id }: Pick<PlacedOrder, "id">): Promise<string> {
    const { txId } = await this.api.pay(id);
    await this.api.mine(CONFIRMATIONS);
    return txId;
  }

  async deliver({ id }: Pick<PlacedOrder, "id">): Promise<void> {
    await this.api.call("POST", `/v1/payments/${id}/delivery`, { to: "delivered" });
  }

  product(productId: string): Promise<Product> {
    return this.api.call("GET", `/v1/products/${productId}`);
  }
}
