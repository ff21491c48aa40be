/** Who calls the shop's HTTP API: the user of his session cookie, at the shop of the host name. */
import type { FastifyRequest } from "fastify";
import { PaybellError } from "../../kit/errors.ts";
import { mayUseKeys } from "../../kit/origins.ts";
import type { CryptoShopDeps } from "./context.ts";
import { presentedToken } from "./presented-token.ts";
import type { UserTokens } from "./user-token.ts";

export interface ShopUser {
  merchantId: string;
  userId: string;
}

export class RequestUsers {
  readonly #context: Pick<CryptoShopDeps, "authenticator" | "mode" | "allowedOrigins">;
  readonly #tokens: UserTokens;

  constructor(context: Pick<CryptoShopDeps, "authenticator" | "mode" | "allowedOrigins">, tokens: UserTokens) {
    this.#context = context;
    this.#tokens = tokens;
  }

  /**
   * @param given.key the shop's publishable key, where host names do not tell
   * @param given.userId in the sandbox that is enough; in live mode it must be the token's
   * @throws PaybellError not_found (no shop), unauthorized, forbidden, overloaded
   */
  async userOf(
    { headers }: FastifyRequest,
    given: { key?: string | undefined; userId?: string | undefined },
  ): Promise<ShopUser> {
    const { authenticator, mode } = this.#context;
    const merchantId = await authenticator.merchantOf({ host: headers.host, publishableKey: given.key ?? null });
    if (merchantId === null) throw new PaybellError("not_found", "Which shop? Give its publishable key: ?key=");
    if (mode === "sandbox" && given.userId !== undefined) return { merchantId, userId: given.userId };
    const token = presentedToken(headers.cookie);
    if (token === null) throw new PaybellError("unauthorized", "No token, authorization denied");
    const { userId } = await this.#tokens.verify(merchantId, token);
    if (given.userId !== undefined && given.userId !== userId) {
      throw new PaybellError("forbidden", "The session token is another user's.");
    }
    return { merchantId, userId };
  }

  /** A browser sends the cookie whoever's page it is that asks. Of a change it always says whose; a request that does not
   * comes from no page. @throws PaybellError forbidden */
  refuseForeignPage({ headers }: FastifyRequest): void {
    const { origin } = headers;
    if (origin === undefined || mayUseKeys(origin, this.#context)) return;
    throw new PaybellError("forbidden", "Pages of this origin may not order: see PAYBELL_ALLOWED_ORIGINS.");
  }
}
