/**
 * Session tokens: the JWT by which a merchant's user proves who he is. The merchant's own backend signs it; Paybell
 * checks it and never makes one.
 *
 * The algorithm decides which key is asked: HS256 the shared secret, the asymmetric ones the JWK Set. A public key is
 * never used as a secret, and `none` is no algorithm. `exp` and `sub` must be there; `iss` and `aud` where the merchant
 * has set them. Source: DESIGN.md, "Who may listen"; RFC 8725.
 */
import { decodeProtectedHeader, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import type { Clock } from "../../kit/clock.ts";
import { PaybellError } from "../../kit/errors.ts";
import type { MerchantSettings, MerchantStore } from "../../log/store.ts";
import { keysOf } from "./jwks.ts";
import { isUserId } from "./user-id.ts";

/** Whom a token proves, and until when. */
export interface ProvenUser {
  userId: string;
  /** `exp`, milliseconds. */
  untilMs: number;
}

export interface UserTokensOptions {
  merchants: Pick<MerchantStore, "settings">;
  clock: Clock;
  /** A token could not be checked, through no fault of its own: the operator is told. */
  onError: (error: unknown) => void;
}

const ASYMMETRIC = ["RS256", "ES256", "EdDSA", "Ed25519"];
/** Longer ones are refused unread. */
const TOKEN_MAX_CHARS = 8_192;
/** JWK Sets that are kept parsed, or fetched. */
const KEY_SETS = 1_000;

/** What a merchant has set before any token can be good. */
type TokenSettings = Pick<MerchantSettings, "sessionSecret" | "sessionJwks" | "sessionIssuer" | "sessionAudience">;

export class UserTokens {
  readonly #options: UserTokensOptions;
  /** By the text of the setting: a changed one is another set. In the order of insertion. */
  readonly #keySets = new Map<string, JWTVerifyGetKey>();

  constructor(options: UserTokensOptions) {
    this.#options = options;
  }

  /**
   * @throws PaybellError unauthorized: the token proves nothing, for a reason that may be told; overloaded: it could not
   * be checked now
   */
  async verify(merchantId: string, token: string): Promise<ProvenUser> {
    const settings = await this.#options.merchants.settings(merchantId);
    if (settings.sessionSecret === null && settings.sessionJwks === null) {
      throw new PaybellError("unauthorized", "This shop has not said how its session tokens are checked.");
    }
    if (token.length > TOKEN_MAX_CHARS) throw refusal("is too long");
    const payload = await this.#payloadOf(token, settings);
    const { sub, exp } = payload;
    if (typeof sub !== "string" || !isUserId(sub) || typeof exp !== "number") throw refusal("names no user");
    return { userId: sub, untilMs: exp * 1_000 };
  }

  async #payloadOf(token: string, settings: TokenSettings): Promise<JWTPayload> {
    const { sessionIssuer, sessionAudience } = settings;
    const options = {
      requiredClaims: ["exp", "sub"],
      currentDate: new Date(this.#options.clock.nowMs()),
      ...(sessionIssuer === null ? {} : { issuer: sessionIssuer }),
      ...(sessionAudience === null ? {} : { audience: sessionAudience }),
    };
    try {
      const algorithm = algorithmOf(token);
      if (algorithm === "HS256" && settings.sessionSecret !== null) {
        const secret = new TextEncoder().encode(settings.sessionSecret);
        return (await jwtVerify(token, secret, { ...options, algorithms: ["HS256"] })).payload;
      }
      if (!ASYMMETRIC.includes(algorithm) || settings.sessionJwks === null) {
        throw refusal("is signed by an algorithm that this shop does not use");
      }
      const keys = this.#keySet(settings.sessionJwks);
      return (await jwtVerify(token, keys, { ...options, algorithms: ASYMMETRIC })).payload;
    } catch (error) {
      throw this.#refusalOf(error);
    }
  }

  #keySet(jwks: string): JWTVerifyGetKey {
    const known = this.#keySets.get(jwks);
    if (known) return known;
    const made = keysOf(jwks);
    const [oldest] = this.#keySets.keys();
    if (this.#keySets.size >= KEY_SETS && oldest !== undefined) this.#keySets.delete(oldest);
    this.#keySets.set(jwks, made);
    return made;
  }

  #refusalOf(error: unknown): PaybellError {
    if (error instanceof PaybellError) return error;
    if (error instanceof errors.JWTExpired) return refusal("has expired");
    if (error instanceof errors.JWTClaimValidationFailed) return refusal("is not for this shop, or not yet valid");
    if (isTokensFault(error)) return refusal("cannot be verified");
    this.#options.onError(error);
    return new PaybellError("overloaded", "The session token cannot be checked at the moment.");
  }
}

/** What its header says; checked against the settings before anything else is believed. */
function algorithmOf(token: string): string {
  try {
    return decodeProtectedHeader(token).alg ?? "";
  } catch {
    // Whatever is wrong with it, it is no token.
    throw refusal("cannot be read");
  }
}

/** Everything else is the key set's, or the network's. */
function isTokensFault(error: unknown): boolean {
  return (
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSEAlgNotAllowed ||
    error instanceof errors.JOSENotSupported
  );
}

function refusal(why: string): PaybellError {
  return new PaybellError("unauthorized", `The session token ${why}.`);
}
