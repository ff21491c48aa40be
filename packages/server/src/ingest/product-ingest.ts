/** Products, as their merchant makes and changes them. What orders do to their stock is ingest's, with the payment. */
import { randomUUID } from "node:crypto";
import type { Clock } from "../kit/clock.ts";
import { PaybellError } from "../kit/errors.ts";
import type { AppendResult, EventLog, IdempotentAnswer, ProductChange } from "../log/event-log.ts";
import type { ProductStore } from "../log/store.ts";
import type { Product } from "../payments/product.ts";
import { MAX_STOCK } from "../payments/product.ts";
import type { ChainRegistry } from "./chain-registry.ts";
import { IdempotencyTaken } from "./ingest.ts";
import type { NewProductRequest, ProductEdit, Products } from "./products.ts";

export interface ProductIngestOptions {
  log: EventLog;
  products: ProductStore;
  chains: ChainRegistry;
  clock: Clock;
}

export class ProductIngest implements Products {
  readonly #options: ProductIngestOptions;

  constructor(options: ProductIngestOptions) {
    this.#options = options;
  }

  async create(request: NewProductRequest, answer?: (product: Product) => IdempotentAnswer): Promise<Product> {
    const { chains, clock } = this.#options;
    const chain = chains.get(request.chain);
    const asset = chains.asset(chain, request.asset);
    const nowMs = clock.nowMs();
    const product: Product = {
      ...request,
      id: randomUUID(),
      chain: chain.facts.chain,
      asset: asset.symbol,
      reserved: 0,
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
      archivedAtMs: null,
    };
    const idempotency = answer?.(product);
    await this.#append(product.merchantId, product.id, { type: "create", product }, idempotency);
    return product;
  }

  async edit(merchantId: string, productId: string, edit: ProductEdit): Promise<Product> {
    await this.#append(merchantId, productId, { type: "edit", ...edit });
    const [product] = await this.#options.products.products(merchantId, [productId]);
    if (!product) throw new Error(`Product ${productId} was changed and is not there.`);
    return product;
  }

  async archive(merchantId: string, productId: string): Promise<void> {
    await this.#append(merchantId, productId, { type: "archive" });
  }

  async #append(
    merchantId: string,
    productId: string,
    change: ProductChange,
    idempotency?: IdempotentAnswer,
  ): Promise<void> {
    const { log, clock } = this.#options;
    const keyed = idempotency ? { idempotency } : {};
    const [result] = await log.append([
      { kind: "product", merchantId, productId, atMs: clock.nowMs(), change, ...keyed },
    ]);
    if (!result?.ok) throw refused(result);
  }
}

function refused(result: Exclude<AppendResult, { ok: true }> | undefined): Error {
  switch (result?.reason) {
    case "idempotency":
      return new IdempotencyTaken();
    case "not_found":
      return new PaybellError("not_found", "There is no such product.");
    case "below_reserved": {
      const { stock, reserved } = result.level;
      const message = `${reserved} of ${stock} units are reserved for orders: the stock cannot fall below that.`;
      return new PaybellError("below_reserved", message, { stock, reserved });
    }
    case "stock_mismatch": {
      const { stock, reserved } = result.level;
      return new PaybellError("stock_mismatch", `The stock is ${stock}, not what was expected.`, { stock, reserved });
    }
    case "too_much_stock":
      return new PaybellError("invalid_request", `The stock of a product is at most ${MAX_STOCK}.`, {
        stock: result.level.stock,
        maximum: MAX_STOCK,
      });
    default:
      throw new Error(`The log refused a product: ${result?.reason ?? "no answer"}.`);
  }
}
