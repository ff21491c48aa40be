/**
 * The HTTP API: strict in what it takes, one shape for every error, no ids in its logs.
 * Source: DESIGN.md, "HTTP API"; the routes are one file each, in `routes/`.
 */
import { randomUUID } from "node:crypto";
import type { RequestListener, Server } from "node:http";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import { type FastifyBaseLogger, type FastifyHttpOptions, fastify, LogController } from "fastify";
import { boundedValidators } from "../kit/bounded-validator.ts";
import { PaybellError } from "../kit/errors.ts";
import type { Api, RouteContext } from "./api.ts";
import { governBrowsers } from "./browser-access.ts";
import { answerClientError } from "./client-errors.ts";
import type { HttpApiDeps } from "./deps.ts";
import { answerError } from "./error-answers.ts";
import { Idempotency } from "./idempotency.ts";
import { idempotentPosts } from "./idempotent-posts.ts";
import { acceptJsonBodies } from "./json-body.ts";
import { describeApi, openapiRoute } from "./openapi.ts";
import { authenticateRequests } from "./request-auth.ts";
import { recordRequests } from "./request-log.ts";
import { allowHeader, RouteTable } from "./route-table.ts";
import { createOrder } from "./routes/create-order.ts";
import { createPayment } from "./routes/create-payment.ts";
import { editProduct } from "./routes/edit-product.ts";
import { erasePayment } from "./routes/erase-payment.ts";
import { events } from "./routes/events.ts";
import { getPayment } from "./routes/get-payment.ts";
import { health } from "./routes/health.ts";
import { listPayments } from "./routes/list-payments.ts";
import { observations } from "./routes/observations.ts";
import { orders } from "./routes/orders.ts";
import { paymentCommands } from "./routes/payment-commands.ts";
import { paymentEvents } from "./routes/payment-events.ts";
import { paymentQr } from "./routes/payment-qr.ts";
import { products } from "./routes/products.ts";
import { sandbox } from "./routes/sandbox.ts";

/** Longer path segments find no route: 404. */
const MAX_PARAMETER_LENGTH = 500;

const ROUTES: readonly ((context: RouteContext) => void)[] = [
  createPayment,
  listPayments,
  getPayment,
  paymentQr,
  paymentCommands,
  erasePayment,
  events,
  paymentEvents,
  observations,
  products,
  editProduct,
  createOrder,
  orders,
  sandbox,
  health,
  openapiRoute,
];

/** Ready to serve: call `listen`, or use `api.server` where `serverFactory` made it. */
export async function buildHttpApi(deps: HttpApiDeps): Promise<Api> {
  const { limits } = deps;
  const api: Api = fastify(optionsOf(deps)).withTypeProvider<TypeBoxTypeProvider>();
  const compile = boundedValidators();
  api.setValidatorCompiler<object>(({ schema }) => compile(schema));
  // Responses are made by `payments/payment.ts` and are not filtered again; a test holds them against their schemas.
  api.setSerializerCompiler(() => (value) => JSON.stringify(value));
  const routes = new RouteTable(api);
  describeApi(api, deps.version);
  acceptJsonBodies(api);
  keepRoutes(api);
  governBrowsers(api, deps, routes);
  api.addHook("onRequest", (request, _reply, done) => done(deps.guard(request.raw) ?? undefined));
  authenticateRequests(api, deps);
  recordRequests(api, deps.metrics);
  sendElsewhere(api, deps.leaving);
  answerFailures(api, routes, limits.bodyBytes);
  // After the registered plugins, so that /openapi.json sees every route.
  api.after(() => mountRoutes(api, deps));
  await api.ready();
  return api;
}

/** Before every other hook. */
function keepRoutes(api: Api): void {
  api.decorateRequest("route", null);
  api.addHook("onRequest", (request, _reply, done) => {
    request.route = request.routeOptions;
    done();
  });
}

/** An answer is the last one on its connection while the server leaves: the next request finds another process. */
function sendElsewhere(api: Api, leaving: HttpApiDeps["leaving"]): void {
  api.addHook("onSend", (_request, reply, _payload, done) => {
    if (leaving()) reply.header("connection", "close");
    done();
  });
}

function optionsOf(deps: HttpApiDeps): FastifyHttpOptions<Server, FastifyBaseLogger> {
  const { serverFactory, limits } = deps;
  return {
    loggerInstance: deps.logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: limits.bodyBytes,
    genReqId: () => `req_${randomUUID()}`,
    exposeHeadRoutes: false,
    onProtoPoisoning: "error",
    onConstructorPoisoning: "error",
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    clientErrorHandler: answerClientError(limits, deps.onRefused),
    frameworkErrors: (error, request, reply) => answerError(error, request, reply, limits.bodyBytes),
    ...(serverFactory ? { serverFactory: (handler) => serverFactory(handler as RequestListener) } : {}),
  };
}

function mountRoutes(api: Api, deps: HttpApiDeps): void {
  const { limits, clock, idempotency: store } = deps;
  const idempotency = new Idempotency({ store, clock, bodyBytes: limits.bodyBytes });
  for (const route of ROUTES) route({ api, deps, idempotency });
  const posts = idempotentPosts(idempotency);
  for (const mount of deps.mounts ?? []) mount(api, posts);
}

function answerFailures(api: Api, routes: RouteTable, bodyBytes: number): void {
  api.setErrorHandler((error, request, reply) => answerError(error, request, reply, bodyBytes));
  api.setNotFoundHandler((request, reply) => {
    const methods = routes.methodsOf(request.url);
    if (methods.length === 0) throw new PaybellError("not_found", "There is nothing at this path; see /openapi.json.");
    reply.header("allow", allowHeader(methods));
    throw new PaybellError("method_not_allowed", `This path has no ${request.method}; it has ${allowHeader(methods)}.`);
  });
}
