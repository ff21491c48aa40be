/** `GET /healthz`, `GET /readyz`, `GET /metrics`. */
import { ERRORS } from "@paybell/protocol";
import { Type } from "typebox";
import type { ChainStatus } from "../../ingest/chain-watch.ts";
import { messageOf } from "../../kit/errors.ts";
import { as, keyedResponses, responses } from "../answers.ts";
import type { RouteContext } from "../api.ts";
import type { ReadinessSources } from "../deps.ts";
import { addErrorHeaders } from "../error-answers.ts";
import { NoQuery } from "../query.ts";

const booleanOrNull = Type.Unsafe<boolean | null>({ type: ["boolean", "null"] });
const integerOrNull = Type.Unsafe<number | null>({ type: ["integer", "null"] });
const textOrNull = Type.Unsafe<string | null>({ type: ["string", "null"] });

type Status = "ready" | "degraded" | "not_ready" | "stopping";

type Bus = "none" | "ok" | "failed";

const Readiness = Type.Object({
  status: Type.Unsafe<Status>({
    type: "string",
    enum: ["ready", "degraded", "not_ready", "stopping"],
    description:
      "`degraded`: clients are served, but a chain is not being watched, or events come late from other nodes. `not_ready`: the database does not answer. `stopping`: this process is about to end, send new clients elsewhere.",
  }),
  chains: Type.Array(
    Type.Object({
      chain: Type.String(),
      role: Type.Unsafe<ChainStatus["role"]>({
        type: "string",
        enum: ["leader", "standby"],
        description:
          "`leader`: this node watches the chain. `standby`: another one does, and knows how it stands; the rest is null here.",
      }),
      connected: booleanOrNull,
      headHeight: integerOrNull,
      lagBlocks: integerOrNull,
      problem: textOrNull,
    }),
  ),
  nodes: Type.Integer({
    description: "Nodes on this database that have said something within the last seconds, this one included.",
  }),
  database: Type.Unsafe<"ok" | "failed">({ type: "string", enum: ["ok", "failed"] }),
  bus: Type.Unsafe<Bus>({
    type: "string",
    enum: ["none", "ok", "failed"],
    description:
      "Redis. `none`: it is not configured. `failed`: it cannot be used, and events of other nodes come by the database.",
  }),
});

export function health(context: RouteContext): void {
  healthz(context);
  readyz(context);
  metrics(context);
}

function healthz({ api }: RouteContext): void {
  api.route({
    method: "GET",
    url: "/healthz",
    config: { access: "open" },
    exposeHeadRoute: true,
    schema: {
      operationId: "getHealth",
      summary: "Is the process alive?",
      tags: ["operation"],
      querystring: NoQuery,
      response: responses({ 200: Type.Object({ status: Type.Literal("ok") }) }),
    },
    handler: async () => ({ status: "ok" as const }),
  });
}

/** 503 only where another node would serve better: a chain's node that is down is no reason to send clients away. */
function readyz({ api, deps }: RouteContext): void {
  api.route({
    method: "GET",
    url: "/readyz",
    config: { access: "optional" },
    exposeHeadRoute: true,
    schema: {
      operationId: "getReadiness",
      summary: "May clients be sent here, and how do the chains stand?",
      tags: ["operation"],
      querystring: NoQuery,
      response: responses({ 200: Readiness, 503: Readiness }, "unauthorized"),
    },
    handler: async (request, reply) => {
      const { readiness } = deps;
      const database = await readiness.checkDatabase().then(
        () => "ok" as const,
        (error: unknown) => {
          request.log.error({ problem: messageOf(error) }, "the database does not answer");
          return "failed" as const;
        },
      );
      const status = statusOf(database, readiness);
      const mayReadProblems = deps.mode === "sandbox" || request.caller?.kind === "secret";
      const chains = readiness.chains().map((status) => chainView(status, mayReadProblems));
      const isReady = status === "ready" || status === "degraded";
      if (!isReady) addErrorHeaders(reply, ERRORS.not_ready.httpStatus);
      return reply
        .code(isReady ? 200 : 503)
        .send({ status, chains, nodes: readiness.nodes(), database, bus: readiness.bus() });
    },
  });
}

/** A problem may name hosts inside the operator's network: only who holds a secret key reads it. */
function chainView(status: ReturnType<ReadinessSources["chains"]>[number], mayReadProblems: boolean) {
  const { chain, role, headHeight, lagBlocks, problem } = status;
  const connected = role === "leader" ? status.connected : null;
  const shown = problem === null || mayReadProblems ? problem : "Ask with a secret key to read what is wrong.";
  return { chain, role, connected, headHeight, lagBlocks, problem: shown };
}

function statusOf(database: "ok" | "failed", readiness: ReadinessSources): Status {
  if (readiness.stopping()) return "stopping";
  if (database === "failed") return "not_ready";
  if (readiness.bus() === "failed") return "degraded";
  const isWell = ({ role, connected, problem }: ChainStatus) => problem === null && (connected || role === "standby");
  return readiness.chains().every(isWell) ? "ready" : "degraded";
}

function metrics({ api, deps }: RouteContext): void {
  const open = deps.mode === "sandbox";
  const good = { 200: as("text/plain", Type.String(), "Prometheus text format.") };
  api.route({
    method: "GET",
    url: "/metrics",
    config: { access: open ? "open" : "secret" },
    schema: {
      operationId: "getMetrics",
      summary: "Metrics for Prometheus; needs a secret key in live mode",
      tags: ["operation"],
      querystring: NoQuery,
      response: open ? responses(good) : keyedResponses(good),
    },
    handler: async (_request, reply) => reply.type(deps.metrics.contentType).send(await deps.metrics.render()),
  });
}
