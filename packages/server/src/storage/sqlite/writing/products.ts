/** A merchant's changes of a product. One writer at a time, so what is read here is what is changed. */
import type { StockLevel } from "@paybell/protocol";
import type { AppendResult, ProductChange } from "../../../log/event-log.ts";
import { levelOf, MAX_STOCK } from "../../../payments/product.ts";
import type { ProductRow } from "../products.ts";
import type { WireProduct } from "../wire.ts";
import type { Transaction } from "./commit.ts";

type Refused = Exclude<AppendResult, { ok: true }>;
/** The numbers after it; none where they are as before. */
type Changed = { levels: readonly StockLevel[] };

type Edit = Extract<ProductChange, { type: "edit" }>;

export function changeProduct(transaction: Transaction, command: WireProduct): Changed | Refused {
  const { change } = command;
  switch (change.type) {
    case "create":
      return create(transaction, change.row);
    case "edit":
      return edit(transaction, command, change);
    case "archive":
      return archive(transaction, command);
  }
}

function create({ connection }: Transaction, row: ProductRow): Changed | Refused {
  const stored = connection.run(
    `INSERT INTO products (id, merchant_id, name, price, chain, asset, stock, reserved, created_at_ms, updated_at_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    row.id,
    row.merchant_id,
    row.name,
    row.price,
    row.chain,
    row.asset,
    row.stock,
    row.reserved,
    row.created_at_ms,
    row.updated_at_ms,
  );
  return stored === 1 ? { levels: [levelOf(row)] } : { ok: false, reason: "conflict" };
}

function edit(transaction: Transaction, command: WireProduct, change: Edit): Changed | Refused {
  const row = find(transaction, command);
  if (!row || row.archived_at_ms !== null) return { ok: false, reason: "not_found" };
  const level = levelOf(row);
  const { setStock, addStock = 0 } = change;
  const isExpected = !setStock || setStock.expected === row.stock || setStock.stock === row.stock;
  if (!isExpected) return { ok: false, reason: "stock_mismatch", level };
  const stock = (setStock ? setStock.stock : row.stock) + addStock;
  if (stock < row.reserved) return { ok: false, reason: "below_reserved", level };
  if (stock > Math.max(MAX_STOCK, row.stock)) return { ok: false, reason: "too_much_stock", level };
  transaction.connection.run(
    "UPDATE products SET name = ?, price = ?, stock = ?, updated_at_ms = max(updated_at_ms, ?) WHERE id = ?",
    change.name ?? row.name,
    change.priceAtomic?.toString() ?? row.price,
    stock,
    command.atMs,
    row.id,
  );
  return { levels: stock === row.stock ? [] : [levelOf({ ...row, stock })] };
}

function archive(transaction: Transaction, command: WireProduct): Changed | Refused {
  const row = find(transaction, command);
  if (!row) return { ok: false, reason: "not_found" };
  transaction.connection.run(
    "UPDATE products SET archived_at_ms = ?1, updated_at_ms = max(updated_at_ms, ?1) WHERE id = ?2 AND archived_at_ms IS NULL",
    command.atMs,
    row.id,
  );
  return { levels: [] };
}

function find({ connection }: Transaction, { productId, merchantId }: WireProduct): ProductRow | undefined {
  return connection.get<ProductRow>("SELECT * FROM products WHERE id = ? AND merchant_id = ?", productId, merchantId);
}
