/** The sandbox's merchant, its two keys and its access token, the same everywhere. Source: DESIGN.md, "Starting it". */
import type { Clock } from "../kit/clock.ts";
import type { MerchantStore } from "../log/store.ts";
import { hashKey, keyRow, SANDBOX_ACCESS_TOKEN, SANDBOX_PUBLISHABLE_KEY, SANDBOX_SECRET_KEY } from "./keys.ts";

export const SANDBOX_MERCHANT_ID = "sandbox";

/** Creates what is missing; call it at every start of the sandbox, never in live mode. A revoked constant comes back
 * under no name: delete the sandbox's data directory to have it again. */
export async function seedSandbox(merchants: MerchantStore, clock: Clock): Promise<void> {
  const createdAtMs = clock.nowMs();
  if ((await merchants.merchant(SANDBOX_MERCHANT_ID)) === null) {
    await merchants.createMerchant({ id: SANDBOX_MERCHANT_ID, name: "Sandbox", createdAtMs, xpubs: {} });
  }
  const existing = new Set((await merchants.keys(SANDBOX_MERCHANT_ID)).map((key) => key.hash));
  for (const [kind, key] of [
    ["secret", SANDBOX_SECRET_KEY],
    ["publishable", SANDBOX_PUBLISHABLE_KEY],
  ] as const) {
    if (existing.has(hashKey(key))) continue;
    await merchants.createKey(keyRow(key, { merchantId: SANDBOX_MERCHANT_ID, kind, createdAtMs }));
  }
  const token = {
    merchantId: SANDBOX_MERCHANT_ID,
    token: SANDBOX_ACCESS_TOKEN,
    hash: hashKey(SANDBOX_ACCESS_TOKEN),
    createdAtMs,
    expiresAtMs: null,
  };
  // Stored once: one that never expires is returned instead.
  await merchants.issueAccessToken(token, { revokeOlder: true });
}
