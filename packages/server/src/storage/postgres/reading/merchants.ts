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
  xpubs: Record<string, string> | null;
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

const MERCHANTS = `SELECT m.*, (
    SELECT json_object_agg(x.chain, x.xpub ORDER BY x.chain) FROM merchant_xpubs x WHERE x.merchant_id = m.id
  ) AS xpubs FROM merchants m`;

export async function merchants(connection: Connection): Promise<readonly Merchant[]> {
  return (await connection.all<MerchantRow>(`${MERCHANTS} ORDER BY m.created_at_ms, m.id`)).map(toMerchant);
}

export async function merchant(connection: Connection, id: string): Promise<Merchant | null> {
  const row = await connection.get<MerchantRow>(`${MERCHANTS} WHERE m.id = $1`, id);
  return row ? toMerchant(row) : null;
}

export async function addresses(connection: Connection, merchantId: string): Promise<Readonly<Record<string, string>>> {
  const rows = await connection.all<{ chain: string; address: string }>(
    "SELECT chain, address FROM merchant_addresses WHERE merchant_id = $1",
    merchantId,
  );
  return Object.fromEntries(rows.map(({ chain, address }) => [chain, address]));
}

export async function settings(connection: Connection, merchantId: string): Promise<MerchantSettings> {
  const rows = await connection.all<{ name: string; value: string }>(
    "SELECT name, value FROM merchant_settings WHERE merchant_id = $1",
    merchantId,
  );
  return { ...CLOSED_SETTINGS, ...Object.fromEntries(rows.map(({ name, value }) => [name, JSON.parse(value)])) };
}

export async function keys(connection: Connection, merchantId: string): Promise<readonly ApiKey[]> {
  const sql = "SELECT * FROM api_keys WHERE merchant_id = $1 ORDER BY created_at_ms, id";
  return (await connection.all<KeyRow>(sql, merchantId)).map(toKey);
}

export async function keyByHash(connection: Connection, hash: string): Promise<ApiKey | null> {
  const row = await connection.get<KeyRow>("SELECT * FROM api_keys WHERE hash = $1 AND revoked_at_ms IS NULL", hash);
  return row ? toKey(row) : null;
}

export async function idempotentAnswer(
  connection: Connection,
  merchantId: string,
  key: string,
  nowMs: number,
): Promise<IdempotentAnswer | null> {
  const row = await connection.get<{ request_hash: string; http_status: number; body: string; at_ms: number }>(
    `SELECT request_hash, http_status, body, at_ms FROM idempotent_answers
     WHERE merchant_id = $1 AND key = $2 AND at_ms >= $3`,
    merchantId,
    key,
    nowMs - KEPT_MS,
  );
  if (!row) return null;
  const { request_hash: requestHash, http_status: httpStatus, body, at_ms: atMs } = row;
  return { merchantId, key, requestHash, httpStatus, body, atMs };
}

function toMerchant(row: MerchantRow): Merchant {
  return { id: row.id, name: row.name, createdAtMs: row.created_at_ms, xpubs: row.xpubs ?? {} };
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
