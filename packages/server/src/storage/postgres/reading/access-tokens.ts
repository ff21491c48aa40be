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

export async function accessTokens(connection: Connection, merchantId: string): Promise<readonly AccessToken[]> {
  const sql = "SELECT * FROM access_tokens WHERE merchant_id = $1 ORDER BY created_at_ms, hash";
  return (await connection.all<TokenRow>(sql, merchantId)).map(toToken);
}

export async function accessTokenByHash(connection: Connection, hash: string): Promise<AccessToken | null> {
  const row = await connection.get<TokenRow>("SELECT * FROM access_tokens WHERE hash = $1", hash);
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
