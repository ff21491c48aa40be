/** Everything that a server needs, looked at. */
import type { Config } from "../../config/config.ts";
import { ConfigError } from "../../config/config-error.ts";
import { systemClock } from "../../kit/clock.ts";
import { runningServer } from "../../storage/sqlite/inspect.ts";
import { type CliIo, calledAs } from "../io.ts";
import { createLogger } from "../logger.ts";
import { visitChains } from "./chains.ts";
import { clockFinding, markClocks } from "./clock.ts";
import { databaseFindings, directoryFindings } from "./data.ts";
import { broken, type Finding, ok } from "./finding.ts";
import { descriptorsFinding, nodeFinding, withoutConfig } from "./machine.ts";
import { merchantFindings } from "./merchants.ts";
import { portFinding } from "./port.ts";
import { postgresFindings } from "./postgres.ts";
import { withProgress } from "./progress.ts";
import { redisFinding } from "./redis.ts";
import { tlsFinding } from "./tls.ts";

/** In the order in which they are shown. @param load the configuration; throws ConfigError */
export async function examine(load: () => Config, io: CliIo): Promise<Finding[]> {
  const node = nodeFinding();
  let config: Config;
  try {
    config = load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const wrong = error.problems.map(({ where, what, whatToDo }) => broken("config", `${where}: ${what}`, whatToDo));
    return [node, ...wrong, withoutConfig("everything else")];
  }
  const began = markClocks();
  const { databaseUrl } = config;
  const running = databaseUrl === null ? runningServer(config.dataDir) : null;
  const visits = visitChains(config, { clock: systemClock, logger: createLogger("silent") }, io);
  const [directory, database, redis, port, tls, chains] = await Promise.all([
    databaseUrl === null ? directoryFindings(config) : [],
    withProgress(io, "reading the database", lookAtDatabase(config, running)),
    redisFinding(config),
    portFinding(config, running),
    tlsFinding(config, systemClock.nowMs()),
    visits,
  ]);
  const facts = chains.flatMap(({ probe }) => (probe ? [probe.facts] : []));
  return [
    node,
    ok("config", `${config.mode} mode, chains: ${Object.keys(config.chains).join(", ") || "none configured"}`),
    descriptorsFinding(config),
    clockFinding(chains, began, markClocks()),
    ...(databaseUrl === null ? [serverFinding(running)] : []),
    ...directory,
    ...database.findings,
    ...(redis ? [redis] : []),
    port,
    ...(tls ? [tls] : []),
    ...merchantFindings(config, database.inspection, facts, calledAs(io)),
    ...chains.flatMap(({ findings }) => findings),
  ];
}

type LookedAt = { findings: Finding[]; inspection: Parameters<typeof merchantFindings>[1] };

function lookAtDatabase(config: Config, running: string | null): Promise<LookedAt> {
  const { databaseUrl } = config;
  return databaseUrl === null ? databaseFindings(config, running) : postgresFindings(databaseUrl, config);
}

function serverFinding(running: string | null): Finding {
  return ok("server", running === null ? "none runs on this directory" : `process ${running} runs on this directory`);
}
