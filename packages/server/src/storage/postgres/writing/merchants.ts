/** Merchants, their keys, and the next index of their extended public keys. */
import type { ApiKey, Merchant, MerchantSettings } from "../../../log/store.ts";
import type { Connection } from "../connection.ts";

export async function createMerchant(connection: Connection, merchant: Merchant): Promise<void> {
  await connection.run(
    "INSERT INTO merchants (id, name, created_at_ms) VALUES ($1, $2, $3)",
    merchant.id,
    merchant.name,
    merchant.createdAtMs,
  );
  for (const [chain, xpub] of Object.entries(merchant.xpubs)) await setXpub(connection, merchant.id, chain, xpub);
}

export async function setXpub(connection: Connection, merchantId: string, chain: string, xpub: string): Promise<void> {
  await connection.run(
    `INSERT INTO merchant_xpubs (merchant_id, chain, xpub) VALUES ($1, $2, $3)
     ON CONFLICT (merchant_id, chain) DO UPDATE SET xpub = excluded.xpub`,
    merchantId,
    chain,
    xpub,
  );
}

export async function setAddress(
  connection: Connection,
  merchantId: string,
  chain: string,
  address: string,
): Promise<void> {
  await connection.run(
    `INSERT INTO merchant_addresses (merchant_id, chain, address) VALUES ($1, $2, $3)
     ON CONFLICT (merchant_id, chain) DO UPDATE SET address = excluded.address`,
    merchantId,
    chain,
    address,
  );
}

export async function changeSettings(
  connection: Connection,
  merchantId: string,
  changed: Partial<MerchantSettings>,
): Promise<void> {
  const byName = Object.entries(changed).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, value] of byName) {
    await connection.run(
      `INSERT INTO merchant_settings (merchant_id, name, value) VALUES ($1, $2, $3)
       ON CONFLICT (merchant_id, name) DO UPDATE SET value = excluded.value`,
      merchantId,
      name,
      JSON.stringify(value),
    );
  }
}

export async function createKey(connection: Connection, key: ApiKey): Promise<void> {
  await connection.run(
    `INSERT INTO api_keys (id, merchant_id, kind, hash, hint, created_at_ms, revoked_at_ms)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    key.id,
    key.merchantId,
    key.kind,
    key.hash,
    key.hint,
    key.createdAtMs,
    key.revokedAtMs,
  );
}

export async function revokeKey(connection: Connection, id: string, atMs: number): Promise<boolean> {
  const sql = "UPDATE api_keys SET revoked_at_ms = $1 WHERE id = $2 AND revoked_at_ms IS NULL";
  return (await connection.run(sql, atMs, id)) === 1;
}

/** One statement, whose row is locked while it is looked at: whoever asks at the same moment takes the next index. */
export async function takeDerivationIndex(
  connection: Connection,
  chain: string,
  derivedFrom: string,
  gapLimit: number,
): Promise<number | null> {
  const taken = await connection.get<{ next_index: number }>(
    `INSERT INTO derivation_cursors AS c (chain, derived_from, next_index, last_used_index)
     SELECT $1::text, $2::text, 1, -1 WHERE $3::bigint > 0
     ON CONFLICT (chain, derived_from) DO UPDATE SET next_index = c.next_index + 1
       WHERE c.next_index - (c.last_used_index + 1) < $3::bigint
     RETURNING next_index`,
    chain,
    derivedFrom,
    gapLimit,
  );
  return taken ? taken.next_index - 1 : null;
}
