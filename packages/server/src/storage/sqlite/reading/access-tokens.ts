/** Transak's access tokens. */
import type { AccessToken } from "../../../log/store.ts";
import type { Connection } from "../connection.ts";

interface TokenRow {
  hash: string;
  merchant_id: string;
  token: string;
  created_at_ms: number;
  expires_at_ms: number | null;
}

export function accessTokens(connection: Connection, merchantId: string): readonly AccessToken[] {
  return connection
    .all<TokenRow>("SELECT * FROM access_tokens WHERE merchant_id = ? ORDER BY created_at_ms, hash", merchantId)
    .map(toToken);
}

export function accessTokenByHash(connection: Connection, hash: string): AccessToken | null {
  const row = connection.get<TokenRow>("SELECT * FROM access_tokens WHERE hash = ?", hash);
  return row ? toToken(row) : null;
}

function toToken(row: TokenRow): AccessToken {
  return {
    merchantId: row.merchant_id,
    token: row.token,
    hash: row.hash,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
  };
}
