/** Products on PostgreSQL. */
import type { OrderStatus } from "@paybell/protocol";
import type { ProductQuery, ProductStore } from "../../log/store.ts";
import type { Product } from "../../payments/product.ts";
import { formatAnchor, parseAnchor } from "../list-anchor.ts";
import type { PostgresDatabase } from "./database.ts";

export class PostgresProductStore implements ProductStore {
  readonly #database: PostgresDatabase;

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  products(merchantId: string, productIds: readonly string[]): Promise<readonly (Product | null)[]> {
    return this.#database.read("products", merchantId, productIds);
  }

  /** @throws PaybellError `invalid_cursor` when `after` is not the `next` of a page */
  async listProducts(query: ProductQuery): Promise<{ products: readonly Product[]; next: string | null }> {
    const { after, ...filter } = query;
    const anchor = after === undefined ? null : parseAnchor(after, "products");
    const { products, next } = await this.#database.read("listProducts", filter, anchor);
    return { products, next: next && formatAnchor(next) };
  }

  pendingOrder(merchantId: string, customer: string): Promise<string | null> {
    return this.#database.read("pendingOrder", merchantId, customer);
  }

  countOrders(merchantId: string, customer: string): Promise<Readonly<Record<OrderStatus, number>>> {
    return this.#database.read("countOrders", merchantId, customer);
  }
}
