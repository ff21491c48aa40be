/** A merchant's changes of a product. Its row is locked, so what was read is what is changed. */
import type { StockLevel } from "@paybell/protocol";
import type { AppendResult } from "../../../log/event-log.ts";
import { levelOf } from "../../../payments/product.ts";
import { editedProduct } from "../../product-change.ts";
import type { Draft } from "./draft.ts";
import type { PreparedProduct } from "./prepare.ts";
import { productOf, writeProduct } from "./stock.ts";

type Refused = Exclude<AppendResult, { ok: true }>;
/** The numbers after it; none where they are as before. */
type Changed = { levels: readonly StockLevel[] };

export function changeProduct(
  draft: Draft,
  { merchantId, productId, atMs, change }: PreparedProduct,
): Changed | Refused {
  const row = productOf(draft, merchantId, productId);
  switch (change.type) {
    case "create":
      if (draft.products.has(change.row.id)) return { ok: false, reason: "conflict" };
      draft.set(draft.products, change.row.id, { row: change.row, write: "insert" });
      return { levels: [levelOf(change.row)] };
    case "edit": {
      const edited = editedProduct(row, change, atMs);
      if (!edited.ok) return edited;
      writeProduct(draft, edited.row);
      return { levels: edited.row.stock === row?.stock ? [] : [levelOf(edited.row)] };
    }
    case "archive":
      if (!row) return { ok: false, reason: "not_found" };
      if (row.archived_at_ms === null) {
        writeProduct(draft, { ...row, archived_at_ms: atMs, updated_at_ms: Math.max(row.updated_at_ms, atMs) });
      }
      return { levels: [] };
  }
}
