/** The OpenAPI document without a server: for the published reference. */
import { pino } from "pino";
import type { Limits } from "../kit/limits.ts";
import type { HttpApiDeps } from "./deps.ts";
import { buildHttpApi } from "./http-api.ts";

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
