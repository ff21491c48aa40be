/**
 * What browsers of other origins may do. Cookies count only at routes that say so.
 *
 * - Paths that need only the payment's id: reading, from any origin.
 * - Origins of `allowedOrigins`, and loopback origins in the sandbox: everything, keys included.
 * Not `@fastify/cors`, because the rule differs by path as well as by origin.
 * Source: DESIGN.md, "Who may listen".
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import { PaybellError } from "../kit/errors.ts";
import { mayUseKeys, type Origins } from "../kit/origins.ts";
import type { Api } from "./api.ts";
import { allowHeader, type RouteTable } from "./route-table.ts";

const PREFLIGHT_MAX_AGE_SECONDS = "600";
const SECURITY_HEADERS = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "content-security-policy": "default-src 'none'; connect-src 'self'; frame-ancestors 'none'",
  "cache-control": "no-store",
};
const EXPOSED_HEADERS = "Idempotent-Replayed, Retry-After, X-Request-Id";

export function governBrowsers(api: Api, origins: Origins, routes: RouteTable): void {
  api.addHook("onRequest", (request, reply, done) => {
    reply.headers(SECURITY_HEADERS);
    reply.header("x-request-id", request.id);
    if (request.method === "OPTIONS" && request.is404) {
      answerOptions(request, reply, origins, routes);
      return;
    }
    const { origin } = request.headers;
    const { access, cookies } = request.route?.config ?? {};
    const isPublic = access === "public";
    if (isPublic || origin !== undefined) reply.header("vary", "Origin");
    if (origin !== undefined) {
      allowOrigin(reply, origin, isPublic, origins);
      if (cookies === true) allowCookies(reply, origin, origins);
    }
    done();
  });
}

function allowOrigin(reply: FastifyReply, origin: string, isPublic: boolean, origins: Origins): void {
  const trusted = mayUseKeys(origin, origins);
  if (!trusted && !isPublic) return;
  reply.header("access-control-allow-origin", trusted ? origin : "*");
  reply.header("access-control-expose-headers", EXPOSED_HEADERS);
}

function allowCookies(reply: FastifyReply, origin: string, origins: Origins): void {
  if (mayUseKeys(origin, origins)) reply.header("access-control-allow-credentials", "true");
}

/** `OPTIONS`: a preflight, or a question for the methods of a path. */
function answerOptions(
  request: FastifyRequest,
  reply: FastifyReply,
  origins: Origins,
  routes: RouteTable,
): FastifyReply {
  const methods = routes.methodsOf(request.url);
  if (methods.length === 0) throw new PaybellError("not_found", "There is nothing at this path.");
  reply.header("allow", allowHeader(methods));
  reply.header("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
  const { origin } = request.headers;
  const wanted = request.headers["access-control-request-method"];
  if (origin === undefined || wanted === undefined) return reply.code(204).send();
  const trusted = mayUseKeys(origin, origins);
  if (!trusted && !methods.some(({ method, access }) => method === wanted && access === "public")) {
    throw new PaybellError("forbidden", "This origin may not make this call: add it to PAYBELL_ALLOWED_ORIGINS.");
  }
  reply.header("access-control-allow-origin", trusted ? origin : "*");
  reply.header("access-control-allow-methods", trusted ? allowHeader(methods) : "GET");
  reply.header(
    "access-control-allow-headers",
    trusted
      ? "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Cache-Control"
      : "Content-Type, Last-Event-ID, Cache-Control",
  );
  if (methods.some(({ method, cookies }) => method === wanted && cookies)) allowCookies(reply, origin, origins);
  reply.header("access-control-max-age", PREFLIGHT_MAX_AGE_SECONDS);
  return reply.code(204).send();
}
