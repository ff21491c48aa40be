/** `POST /partners/api/v2/refresh-token`: an access token for a merchant's backend. */
import { Type } from "typebox";
import type { Api } from "../../http/api.ts";
import { PaybellError } from "../../kit/errors.ts";
import type { TransakContext } from "./context.ts";
import { transakRefusal } from "./refusal.ts";
import { issueToken } from "./tokens.ts";

const MAX_KEY_CHARS = 200;

const Body = Type.Object(
  {
    apiKey: Type.String({ maxLength: MAX_KEY_CHARS, description: "The merchant's publishable key." }),
    revokeOlder: Type.Optional(
      Type.Boolean({ description: "Ends the tokens that there are at once: one was lost, or has leaked." }),
    ),
  },
  { additionalProperties: false },
);

export function refreshToken(api: Api, context: TransakContext): void {
  api.route({
    method: "POST",
    url: "/partners/api/v2/refresh-token",
    // Its key is in a header of its own.
    config: { access: "open", refusal: transakRefusal },
    schema: {
      operationId: "transakRefreshToken",
      summary: "Get an access token for Transak's calls and the API-key channel",
      tags: ["transak"],
      headers: Type.Object({
        "api-secret": Type.Optional(Type.String({ description: "The merchant's secret key." })),
      }),
      body: Body,
      response: {
        200: Type.Object({
          data: Type.Object({
            accessToken: Type.String(),
            expiresAt: Type.Integer({ description: "Unix seconds." }),
            signsFrom: Type.Integer({
              description: "From when on the API-key channel is signed with it, Unix seconds.",
            }),
          }),
        }),
      },
    },
    handler: async (request) => {
      const { apiKey, revokeOlder = false } = request.body;
      const merchantId = await merchantOf(context, request.headers["api-secret"], apiKey);
      const { accessToken, expiresAtMs, signsFromMs } = await issueToken(context, merchantId, revokeOlder);
      return { data: { accessToken, expiresAt: seconds(expiresAtMs), signsFrom: seconds(signsFromMs) } };
    },
  });
}

/** @throws PaybellError unauthorized, whichever of the two was wrong */
async function merchantOf(
  { authenticator }: TransakContext,
  apiSecret: string | undefined,
  apiKey: string,
): Promise<string> {
  const [secret, publishable] = await Promise.all([
    authenticator.callerOf(apiSecret ?? ""),
    authenticator.callerOf(apiKey),
  ]);
  if (
    secret?.kind === "secret" &&
    publishable?.kind === "publishable" &&
    secret.merchantId === publishable.merchantId
  ) {
    return secret.merchantId;
  }
  throw new PaybellError("unauthorized", "api-secret and apiKey are not the keys of one merchant.");
}

function seconds(ms: number): number {
  return Math.floor(ms / 1_000);
}
