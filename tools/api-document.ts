/** The OpenAPI document without a server: for the published reference. */
import { pino } from "pino";
import type { HttpApiDeps } from "../packages/server/src/http/deps.ts";
import { buildHttpApi } from "../packages/server/src/http/http-api.ts";
import type { Limits } from "../packages/server/src/kit/limits.ts";

export interface DocumentOptions {
  version: string;
  limits: Limits;
  /** Routes of other protocols. */
  mounts: NonNullable<HttpApiDeps["mounts"]>;
}

/** As `/openapi.json` of a server in live mode with these limits. */
export async function apiDocument({ version, limits, mounts }: DocumentOptions): Promise<object> {
  const described: Pick<HttpApiDeps, "mode" | "version" | "limits" | "mounts" | "logger" | "allowedOrigins"> = {
    mode: "live",
    version,
    limits,
    mounts,
    logger: pino({ level: "silent" }),
    allowedOrigins: [],
  };
  // Routes keep the other dependencies for when they are called; nobody calls them here.
  const api = await buildHttpApi(described as HttpApiDeps);
  try {
    return api.swagger();
  } finally {
    await api.close();
  }
}
