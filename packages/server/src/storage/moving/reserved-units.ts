/** Units that orders hold, against those that products say are held: gathered while rows pass by. */
import type { Cells } from "./moving.ts";
import type { MovedTable } from "./tables.ts";

interface Held {
  said: number;
  wanted: number;
}

export class ReservedUnits {
  /** By product: its size is the shop's shelf, not its history. */
  readonly #held = new Map<string, Held>();

  note({ name, columns }: MovedTable, cells: Cells): void {
    const cell = (column: string) => cells[columns.indexOf(column)];
    if (name === "products") this.#of(String(cell("id"))).said = Number(cell("reserved"));
    if (name !== "payments" || cell("stock") !== "reserved") return;
    const items = JSON.parse(String(cell("items") ?? "[]")) as { productId?: string; quantity: number }[] | null;
    for (const { productId, quantity } of items ?? []) {
      if (productId !== undefined) this.#of(productId).wanted += quantity;
    }
  }

  /** What differs, at most `limit`. */
  differences(limit: number): string[] {
    return [...this.#held]
      .filter(([, { said, wanted }]) => said !== wanted)
      .slice(0, limit)
      .map(([id, { said, wanted }]) => `product ${id} says that ${said} are reserved, and orders hold ${wanted}`);
  }

  #of(productId: string): Held {
    const held = this.#held.get(productId) ?? { said: 0, wanted: 0 };
    this.#held.set(productId, held);
    return held;
  }
}
