/** Merchants, their keys, and the next index of their extended public keys. */
import type { ApiKey, Merchant, MerchantSettings } from "../../../log/store.ts";
import type { Connection } from "../connection.ts";

export function createMerchant(connection: Connection, merchant: Merchant): void {
  connection.run(
    "INSERT INTO merchants (id, name, created_at_ms) VALUES (?, ?, ?)",
    merchant.id,
    merchant.name,
    merchant.createdAtMs,
  );
  for (const [chain, xpub] of Object.entries(merchant.xpubs)) setXpub(connection, merchant.id, chain, xpub);
}

export function setXpub(connection: Connection, merchantId: string, chain: string, xpub: string): void {
  connection.run(
    `INSERT INTO merchant_xpubs (merchant_id, chain, xpub) VALUES (?, ?, ?)
     ON CONFLICT (merchant_id, chain) DO UPDATE SET xpub = excluded.xpub`,
    merchantId,
    chain,
    xpub,
  );
}

export function setAddress(connection: Connection, merchantId: string, chain: string, address: string): void {
  connection.run(
    `INSERT INTO merchant_addresses (merchant_id, chain, address) VALUES (?, ?, ?)
     ON CONFLICT (merchant_id, chain) DO UPDATE SET address = excluded.address`,
    merchantId,
    chain,
    address,
  );
}

export function changeSettings(connection: Connection, merchantId: string, changed: Partial<MerchantSettings>): void {
  for (const [name, value] of Object.entries(changed)) {
    connection.run(
      `INSERT INTO merchant_settings (merchant_id, name, value) VALUES (?, ?, ?)
       ON CONFLICT (merchant_id, name) DO UPDATE SET value = excluded.value`,
      merchantId,
      name,
      JSON.stringify(value),
    );
  }
}

export function createKey(connection: Connection, key: ApiKey): void {
  connection.run(
    `INSERT INTO api_keys (id, merchant_id, kind, hash, hint, created_at_ms, revoked_at_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    key.id,
    key.merchantId,
    key.kind,
    key.hash,
    key.hint,
    key.createdAtMs,
    key.revokedAtMs,
  );
}

export function revokeKey(connection: Connection, id: string, atMs: number): boolean {
  return connection.run("UPDATE api_keys SET revoked_at_ms = ? WHERE id = ? AND revoked_at_ms IS NULL", atMs, id) === 1;
}

export function takeDerivationIndex(
  connection: Connection,
  chain: string,
  derivedFrom: string,
  gapLimit: number,
): number | null {
  const cursor = connection.get<{ next_index: number; last_used_index: number }>(
    "SELECT next_index, last_used_index FROM derivation_cursors WHERE chain = ? AND derived_from = ?",
    chain,
    derivedFrom,
  ) ?? { next_index: 0, last_used_index: -1 };
  if (cursor.next_index - (cursor.last_used_index + 1) >= gapLimit) return null;
  connection.run(
    `INSERT INTO derivation_cursors (chain, derived_from, next_index, last_used_index) VALUES (?, ?, 1, -1)
     ON CONFLICT (chain, derived_from) DO UPDATE SET next_index = next_index + 1`,
    chain,
    derivedFrom,
  );
  return cursor.next_index;
}
