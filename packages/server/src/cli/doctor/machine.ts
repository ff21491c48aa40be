/** Node, and how many files the process may open. */
import type { Config } from "../../config/config.ts";
import { descriptorLimit } from "../../kit/descriptors.ts";
import { RESERVED_DESCRIPTORS } from "../../transports/socket-gate.ts";
import { broken, type Finding, ok, skipped, warning } from "./finding.ts";

const OLDEST_NODE = 24;

export function nodeFinding(version: string = process.versions.node): Finding {
  if (Number.parseInt(version, 10) >= OLDEST_NODE) return ok("node", version);
  return broken("node", `${version} is too old.`, `Install Node ${OLDEST_NODE} or newer.`);
}

export function descriptorsFinding(
  { limits }: Pick<Config, "limits">,
  allowed: number | null = descriptorLimit(),
): Finding {
  const what = "open files";
  if (allowed === null) return ok(what, "no limit is known");
  const wanted = limits.connections + RESERVED_DESCRIPTORS;
  const found = `${allowed} allowed in this shell, ${wanted} for limits.connections and what the server itself needs`;
  if (allowed >= wanted) return ok(what, found);
  const toDo = "Raise ulimit -n (systemd: LimitNOFILE) for the server, or lower limits.connections.";
  return warning(what, `${found}: more clients than that are refused.`, toDo);
}

/** Of checks that need a configuration that loads. */
export const withoutConfig = (what: string): Finding => skipped(what, "needs a configuration that loads");
