/**
 * Access tokens: a merchant's backend reads orders with one, and the JWTs on his API-key channel are signed with one.
 *
 * At most two are good at a time: the older one signs until it expires, the younger one waits to follow it. Whoever asks
 * meanwhile is given the one that waits, so that several processes of a backend all end up with the same token.
 * Source: the reference on the real service; docs/decisions/0009-transak-tokens-and-replays.md.
 */
import { hash, randomBytes } from "node:crypto";
import type { Clock } from "../../kit/clock.ts";
import type { AccessToken, MerchantStore } from "../../log/store.ts";

export interface TokenContext {
  merchants: Pick<MerchantStore, "issueAccessToken" | "accessTokens" | "accessTokenByHash">;
  clock: Clock;
  mode: "sandbox" | "live";
}

/** As in the document. */
const TOKEN_DAYS = 7;
const DAY_MS = 86_400_000;
const RANDOM_BYTES = 32;

export interface IssuedToken {
  accessToken: string;
  expiresAtMs: number;
  /** From when on JWTs are signed with it. */
  signsFromMs: number;
}

/** @param revokeOlder the tokens that there are end at once, and this one signs at once: one was lost or has leaked */
export async function issueToken(
  { merchants, clock, mode }: TokenContext,
  merchantId: string,
  revokeOlder: boolean,
): Promise<IssuedToken> {
  const nowMs = clock.nowMs();
  const token = `at_${mode}_${randomBytes(RANDOM_BYTES).toString("base64url")}`;
  const expiresAtMs = nowMs + TOKEN_DAYS * DAY_MS;
  const fresh: AccessToken = { merchantId, token, hash: hashToken(token), createdAtMs: nowMs, expiresAtMs };
  const issued = await merchants.issueAccessToken(fresh, { revokeOlder });
  const signing = (await merchants.accessTokens(merchantId)).find((each) => isGood(each, nowMs));
  return {
    accessToken: issued.token,
    expiresAtMs: issued.expiresAtMs ?? expiresAtMs,
    signsFromMs: signing === undefined || signing.token === issued.token ? nowMs : (signing.expiresAtMs ?? nowMs),
  };
}

/** The oldest that has not expired; where all have, the youngest: an order told under an expired token is better than
 * none. `null`: he never asked for one. */
export async function signingToken(
  { merchants, clock }: Pick<TokenContext, "clock"> & { merchants: Pick<MerchantStore, "accessTokens"> },
  merchantId: string,
): Promise<string | null> {
  const tokens = await merchants.accessTokens(merchantId);
  const nowMs = clock.nowMs();
  return (tokens.find((token) => isGood(token, nowMs)) ?? tokens.at(-1))?.token ?? null;
}

/** Whose token this is; `null`: nobody's, or it has expired. */
export async function merchantOfToken({ merchants, clock, mode }: TokenContext, token: string): Promise<string | null> {
  if (!token.startsWith(`at_${mode}_`)) return null;
  const found = await merchants.accessTokenByHash(hashToken(token));
  return found && isGood(found, clock.nowMs()) ? found.merchantId : null;
}

function isGood({ expiresAtMs }: AccessToken, nowMs: number): boolean {
  return expiresAtMs === null || expiresAtMs > nowMs;
}

function hashToken(token: string): string {
  return hash("sha256", token, "hex");
}
