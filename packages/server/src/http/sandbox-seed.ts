/** The sandbox's merchant, its two keys and its access token, the same everywhere. Source: DESIGN.md, "Starting it". */
import type { Clock } from "../kit/clock.ts";
import type { MerchantStore } from "../log/store.ts";
import { hashKey, keyRow, SANDBOX_ACCESS_TOKEN, SANDBOX_PUBLISHABLE_KEY, SANDBOX_SECRET_KEY } from "./keys.ts";

export const SANDBOX_MERCHANT_ID = "sandbox";

/** Creates what is missing; call it at every start of the sandbox, never in live mode. A revoked constant comes back
 * under no name: delete the sandbox's data directory to have it again. Nodes that start at the same moment all find it. */
export async function seedSandbox(merchants: MerchantStore, clock: Clock): Promise<void> {
  const createdAtMs = clock.nowMs();
  const merchantId = SANDBOX_MERCHANT_ID;
  await ensure(
    async () => (await merchants.merchant(merchantId)) !== null,
    () => merchants.createMerchant({ id: merchantId, name: "Sandbox", createdAtMs, xpubs: {} }),
  );
  for (const [kind, key] of [
    ["secret", SANDBOX_SECRET_KEY],
    ["publishable", SANDBOX_PUBLISHABLE_KEY],
  ] as const) {
    await ensure(
      async () => (await merchants.keys(merchantId)).some(({ hash }) => hash === hashKey(key)),
      () => merchants.createKey(keyRow(key, { merchantId, kind, createdAtMs })),
    );
  }
  const token = SANDBOX_ACCESS_TOKEN;
  // Stored once: one that never expires is returned instead.
  await merchants.issueAccessToken(
    { merchantId, token, hash: hashKey(token), createdAtMs, expiresAtMs: null },
    { revokeOlder: true },
  );
}

/** What is there when it could not be created was created by another node. */
async function ensure(isThere: () => Promise<boolean>, create: () => Promise<void>): Promise<void> {
  if (await isThere()) return;
  try {
    await create();
  } catch (error) {
    if (!(await isThere())) throw error;
  }
}
