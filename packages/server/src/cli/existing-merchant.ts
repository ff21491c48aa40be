/** A command names a merchant: is he there? */
import type { MerchantStore } from "../log/store.ts";
import { CommandError } from "./io.ts";

/** @throws CommandError naming the merchants that there are */
export async function existingMerchant(merchants: MerchantStore, id: string): Promise<void> {
  if (await merchants.merchant(id)) return;
  const all = (await merchants.merchants()).map((merchant) => merchant.id);
  const hint = all.length > 0 ? `There are: ${all.join(", ")}.` : 'Create one: paybell merchants create "Corner Shop".';
  throw new CommandError(`There is no merchant "${id}".`, hint);
}
