/** Who may call a route, decided before the body is read. Source: DESIGN.md, "Who may listen". */
import { ERRORS } from "@paybell/protocol";
import type { FastifyRequest } from "fastify";
import { PaybellError } from "../kit/errors.ts";
import { RequestRate } from "../transports/request-rate.ts";
import type { Api } from "./api.ts";
import { type Authenticator, bearerKey, type Caller } from "./authenticator.ts";
import type { HttpApiDeps } from "./deps.ts";

export function authenticateRequests(
  api: Api,
  { authenticator, limits, proxies, clock }: Pick<HttpApiDeps, "authenticator" | "limits" | "proxies" | "clock">,
): void {
  const rate = new RequestRate(limits.keylessRequestsPerSecond);
  const countKeyless = (request: FastifyRequest) => rate.admit(proxies.clientAddress(request.raw), clock.nowMs());
  api.decorateRequest("caller", null);
  api.addHook("onRequest", async (request) => {
    const access = request.route?.config?.access ?? "secret";
    // 404 and 405 tell nothing that /openapi.json does not.
    if (access === "open" || request.is404) return countKeyless(request);
    const { authorization } = request.headers;
    if (authorization !== undefined) {
      request.caller = await callerOf(authenticator, authorization).catch((error: unknown) => {
        countKeyless(request);
        throw error;
      });
    }
    if (request.caller?.kind !== "secret") countKeyless(request);
    if (access === "secret") secretCaller(request);
  });
}

async function callerOf(authenticator: Authenticator, header: string): Promise<Caller> {
  const key = bearerKey(header);
  const caller = key === null ? null : await authenticator.callerOf(key);
  if (!caller) throw new PaybellError("unauthorized", ERRORS.unauthorized.meaning);
  return caller;
}

/**
 * The merchant behind a secret key.
 * @throws PaybellError unauthorized without a key, forbidden with a publishable one
 */
export function secretCaller(request: FastifyRequest): Caller {
  if (!request.caller) throw new PaybellError("unauthorized", "This call needs a secret key.");
  if (request.caller.kind !== "secret") {
    throw new PaybellError("forbidden", "This call needs a secret key; a publishable one was sent.");
  }
  return request.caller;
}

export function orderNotFound(): PaybellError {
  return new PaybellError("not_found", "There is no such order, or it belongs to another merchant.");
}

export function productNotFound(): PaybellError {
  return new PaybellError("not_found", "There is no such product, or it belongs to another merchant.");
}

export function paymentNotFound(): PaybellError {
  return new PaybellError("not_found", "There is no such payment, or it belongs to another merchant.");
}
