/**
 * Who is at the other end, and whom he may follow. Checked at every join and every return of a session: what a client
 * remembers (its session id) proves nothing.
 *
 * - Sandbox, and shops that have opened it by name (`openCustomers`): anybody.
 * - Live: the user whom his session token proves, until it expires.
 * Source: DESIGN.md, "Who may listen".
 */
import { PaybellError } from "../../kit/errors.ts";
import type { SocketIoHandshake } from "../../transports/socketio/connection.ts";
import type { CryptoShopDeps } from "./context.ts";
import { presentedToken } from "./presented-token.ts";
import type { ProvenUser, UserTokens } from "./user-token.ts";

type VisitorContext = Pick<CryptoShopDeps, "authenticator" | "merchants" | "mode">;

export class Visitor {
  readonly #context: VisitorContext;
  readonly #tokens: UserTokens;
  readonly #handshake: SocketIoHandshake;
  #proven: ProvenUser | null = null;

  constructor(context: VisitorContext, tokens: UserTokens, handshake: SocketIoHandshake) {
    this.#context = context;
    this.#tokens = tokens;
    this.#handshake = handshake;
  }

  /** When what he follows by his token ends, milliseconds; `null`: he follows nothing by one. */
  get provenUntilMs(): number | null {
    return this.#proven?.untilMs ?? null;
  }

  /** By host name, publishable key (`?key=` or `auth.key`), or the only one there is; `null`: that is ambiguous. */
  merchant(): Promise<string | null> {
    const { url, headers, auth } = this.#handshake;
    const key = typeof auth.key === "string" ? auth.key : url.searchParams.get("key");
    return this.#context.authenticator.merchantOf({ host: headers.host, publishableKey: key });
  }

  /** @throws PaybellError unauthorized (no token, or a bad one), forbidden (another user's), overloaded */
  async mustBe(merchantId: string, userId: string): Promise<void> {
    const { mode, merchants } = this.#context;
    if (mode === "sandbox" || (await merchants.settings(merchantId)).openCustomers) return;
    this.#proven ??= await this.#prove(merchantId);
    if (this.#proven.userId !== userId) throw new PaybellError("forbidden", "The session token is another user's.");
  }

  #prove(merchantId: string): Promise<ProvenUser> {
    const { headers, auth } = this.#handshake;
    const token = presentedToken(headers.cookie, auth);
    if (token !== null) return this.#tokens.verify(merchantId, token);
    throw new PaybellError(
      "unauthorized",
      "join-user needs a session token: auth.token of the handshake, or the cookie accessToken.",
    );
  }
}
