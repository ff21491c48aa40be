/**
 * What is refused whatever the path, on HTTP and before an upgrade alike.
 *
 * - No `Host`, which HTTP/1.1 demands (RFC 9112, 3.2).
 * - In the sandbox, names that are not this machine's: a web page whose own name is made to point to 127.0.0.1 (DNS
 *   rebinding) would otherwise be of the same origin as the sandbox, whose keys everybody knows.
 * - A secret key in the URL, where it would end in histories and the logs of proxies.
 * Source: DESIGN.md, "Who may listen".
 */
import type { IncomingMessage } from "node:http";
import { PaybellError } from "../kit/errors.ts";

export interface RequestGuardOptions {
  mode: "sandbox" | "live";
  /** The operator says that whoever reaches the sandbox may use it. */
  sandboxPublic: boolean;
  /** Host names that the configuration knows. */
  hosts: Readonly<Record<string, string>>;
}

/** Returns why the request is refused, or `null`. */
export type RequestGuard = (request: Pick<IncomingMessage, "headers" | "url" | "httpVersion">) => PaybellError | null;

const LOOPBACK_HOST = /^(localhost|[a-z0-9.-]+\.localhost|127(\.[0-9]{1,3}){3}|\[::1\])$/;
const SECRET_KEY = /\bsk(?:_|%5f)(?:live|sandbox)(?:_|%5f)/i;

export function requestGuard({ mode, sandboxPublic, hosts }: RequestGuardOptions): RequestGuard {
  const anyHost = mode === "live" || sandboxPublic;
  const named = new Set(Object.keys(hosts));
  return ({ headers, url, httpVersion }) => {
    if (headers.host === undefined && httpVersion === "1.1") {
      return new PaybellError("invalid_request", "A request of HTTP/1.1 needs a Host header.");
    }
    const host = (headers.host ?? "").toLowerCase().replace(/:[0-9]*$/, "");
    if (!anyHost && !LOOPBACK_HOST.test(host) && !named.has(host)) {
      return new PaybellError(
        "host_not_allowed",
        "The sandbox answers only to localhost and 127.0.0.1: set PAYBELL_SANDBOX_PUBLIC=1 to use it under another name.",
      );
    }
    if (SECRET_KEY.test(url ?? "")) {
      return new PaybellError(
        "unauthorized",
        "A secret key does not belong in a URL: send it as `Authorization: Bearer …`, and revoke this one.",
      );
    }
    return null;
  };
}
