/** A merchant's changes of a product. One writer at a time, so what is read here is what is changed. */
import type { StockLevel } from "@paybell/protocol";
import type { AppendResult, ProductChange } from "../../../log/event-log.ts";
import { levelOf } from "../../../payments/product.ts";
import { editedProduct } from "../../product-change.ts";
import type { ProductRow } from "../../products.ts";
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
  const edited = editedProduct(row, change, command.atMs);
  if (!edited.ok) return edited;
  const { name, price, stock, updated_at_ms: updatedAtMs, id } = edited.row;
  transaction.connection.run(
    "UPDATE products SET name = ?, price = ?, stock = ?, updated_at_ms = ? WHERE id = ?",
    name,
    price,
    stock,
    updatedAtMs,
    id,
  );
  return { levels: stock === row?.stock ? [] : [levelOf(edited.row)] };
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
