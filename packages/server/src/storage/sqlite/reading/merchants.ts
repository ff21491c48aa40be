/** Merchants, keys and stored answers. */
import type { IdempotentAnswer } from "../../../log/event-log.ts";
import {
  type ApiKey,
  CLOSED_SETTINGS,
  type KeyKind,
  type Merchant,
  type MerchantSettings,
} from "../../../log/store.ts";
import { KEPT_MS } from "../../answers.ts";
import type { Connection } from "../connection.ts";

interface MerchantRow {
  id: string;
  name: string;
  created_at_ms: number;
}

interface KeyRow {
  id: string;
  merchant_id: string;
  kind: string;
  hash: string;
  hint: string;
  created_at_ms: number;
  revoked_at_ms: number | null;
}

export function merchants(connection: Connection): readonly Merchant[] {
  return connection.read(() =>
    connection
      .all<MerchantRow>("SELECT id, name, created_at_ms FROM merchants ORDER BY created_at_ms, id")
      .map((row) => toMerchant(connection, row)),
  );
}

export function merchant(connection: Connection, id: string): Merchant | null {
  return connection.read(() => {
    const row = connection.get<MerchantRow>("SELECT id, name, created_at_ms FROM merchants WHERE id = ?", id);
    return row ? toMerchant(connection, row) : null;
  });
}

export function addresses(connection: Connection, merchantId: string): Readonly<Record<string, string>> {
  const rows = connection.all<{ chain: string; address: string }>(
    "SELECT chain, address FROM merchant_addresses WHERE merchant_id = ? ORDER BY chain",
    merchantId,
  );
  return Object.fromEntries(rows.map(({ chain, address }) => [chain, address]));
}

export function settings(connection: Connection, merchantId: string): MerchantSettings {
  const rows = connection.all<{ name: string; value: string }>(
    "SELECT name, value FROM merchant_settings WHERE merchant_id = ?",
    merchantId,
  );
  return { ...CLOSED_SETTINGS, ...Object.fromEntries(rows.map(({ name, value }) => [name, JSON.parse(value)])) };
}

export function keys(connection: Connection, merchantId: string): readonly ApiKey[] {
  return connection
    .all<KeyRow>("SELECT * FROM api_keys WHERE merchant_id = ? ORDER BY created_at_ms, id", merchantId)
    .map(toKey);
}

export function keyByHash(connection: Connection, hash: string): ApiKey | null {
  const row = connection.get<KeyRow>("SELECT * FROM api_keys WHERE hash = ? AND revoked_at_ms IS NULL", hash);
  return row ? toKey(row) : null;
}

export function idempotentAnswer(
  connection: Connection,
  merchantId: string,
  key: string,
  nowMs: number,
): IdempotentAnswer | null {
  const row = connection.get<{ request_hash: string; http_status: number; body: string; at_ms: number }>(
    `SELECT request_hash, http_status, body, at_ms FROM idempotent_answers
     WHERE merchant_id = ? AND key = ? AND at_ms >= ?`,
    merchantId,
    key,
    nowMs - KEPT_MS,
  );
  if (!row) return null;
  const { request_hash: requestHash, http_status: httpStatus, body, at_ms: atMs } = row;
  return { merchantId, key, requestHash, httpStatus, body, atMs };
}

function toMerchant(connection: Connection, row: MerchantRow): Merchant {
  const xpubs = connection.all<{ chain: string; xpub: string }>(
    "SELECT chain, xpub FROM merchant_xpubs WHERE merchant_id = ? ORDER BY chain",
    row.id,
  );
  return {
    id: row.id,
    name: row.name,
    createdAtMs: row.created_at_ms,
    xpubs: Object.fromEntries(xpubs.map(({ chain, xpub }) => [chain, xpub])),
  };
}

function toKey(row: KeyRow): ApiKey {
  return {
    id: row.id,
    merchantId: row.merchant_id,
    kind: row.kind as KeyKind,
    hash: row.hash,
    hint: row.hint,
    createdAtMs: row.created_at_ms,
    revokedAtMs: row.revoked_at_ms,
  };
}
