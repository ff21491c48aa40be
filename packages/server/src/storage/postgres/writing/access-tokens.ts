/** Transak's access tokens: at most one that signs and one that waits to follow it. */
import type { AccessToken } from "../../../log/store.ts";
import type { Connection } from "../connection.ts";
import { accessTokens } from "../reading/access-tokens.ts";

export async function issueAccessToken(
  connection: Connection,
  token: AccessToken,
  revokeOlder: boolean,
): Promise<AccessToken> {
  const { merchantId, createdAtMs } = token;
  // Whoever asks for the same merchant at the same moment waits, and finds the one that is made here.
  await connection.run("SELECT 1 FROM merchants WHERE id = $1 FOR NO KEY UPDATE", merchantId);
  const good = (await accessTokens(connection, merchantId)).filter(
    ({ expiresAtMs }) => expiresAtMs === null || (!revokeOlder && expiresAtMs > createdAtMs),
  );
  const kept = good.find(({ expiresAtMs }) => expiresAtMs === null) ?? good[1];
  if (kept) return kept;
  const before = good[0]?.hash ?? "";
  await connection.run("DELETE FROM access_tokens WHERE merchant_id = $1 AND hash <> $2", merchantId, before);
  // A clock that stands still or was set back must not put the one that waits before the one that signs.
  const stored = { ...token, createdAtMs: Math.max(createdAtMs, (good[0]?.createdAtMs ?? 0) + 1) };
  await connection.run(
    "INSERT INTO access_tokens (hash, merchant_id, token, created_at_ms, expires_at_ms) VALUES ($1, $2, $3, $4, $5)",
    token.hash,
    merchantId,
    token.token,
    stored.createdAtMs,
    token.expiresAtMs,
  );
  return stored;
}
