/** One line per request, with the route's pattern: a URL would carry the payment's id, which is a capability. */
import type { Api } from "./api.ts";
import type { Metrics } from "./metrics.ts";

export function recordRequests(api: Api, metrics: Metrics): void {
  api.addHook("onResponse", (request, reply, done) => {
    const route = request.route?.url ?? "(none)";
    const { method } = request;
    const { statusCode: status, elapsedTime: durationMs } = reply;
    metrics.observeRequest({
      method: METHODS.has(method) ? method : "other",
      route,
      status,
      seconds: durationMs / 1_000,
    });
    request.log.info({ method, route, status, durationMs: Math.round(durationMs * 10) / 10 }, "request");
    done();
  });
}

/** Anything else would let a client make as many time series as it likes. */
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
