/** Types that every route shares. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from "fastify";
import type { PaybellError } from "../kit/errors.ts";
import type { Caller } from "./authenticator.ts";
import type { HttpApiDeps } from "./deps.ts";
import type { Idempotency } from "./idempotency.ts";

/** The fastify application with typed schemas. */
export type Api = FastifyInstance<Server, IncomingMessage, ServerResponse, FastifyBaseLogger, TypeBoxTypeProvider>;

/**
 * Who may call a route. `secret`: a secret key only. `public`: anyone who knows the id, from any origin; a key, where
 * one is sent, must be good. `optional`: anyone, a key tells more; not for browsers of other origins. `open`: anyone, no
 * key is looked at.
 */
export type Access = "secret" | "public" | "optional" | "open";

/** A refusal in the words of another protocol; `body` is sent as JSON. */
export type Refusal = (error: PaybellError, request: FastifyRequest) => { httpStatus: number; body: unknown };

/** What a route file gets. */
export interface RouteContext {
  api: Api;
  deps: HttpApiDeps;
  idempotency: Idempotency;
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** Left out: `secret`. */
    access?: Access;
    /** Browsers may bring cookies along, from origins that may use keys. */
    cookies?: boolean;
    /** Left out: `{"error":{"code","message","details?"}}` with the code of the registry. */
    refusal?: Refusal;
  }
  interface FastifyRequest {
    /** `null`: no key was sent, or the route looks at none. */
    caller: Caller | null;
    /** `routeOptions`, which fastify makes anew whenever it is read. `null`: the request was refused before it had a route. */
    route: FastifyRequest["routeOptions"] | null;
  }
}
