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
import { withProgress } from "./progress.ts";
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
  const running = runningServer(config.dataDir);
  const visits = visitChains(config, { clock: systemClock, logger: createLogger("silent") }, io);
  const [directory, database, port, tls, chains] = await Promise.all([
    directoryFindings(config),
    withProgress(io, "reading the database", databaseFindings(config, running)),
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
    ok("server", running === null ? "none runs on this directory" : `process ${running} runs on this directory`),
    ...directory,
    ...database.findings,
    port,
    ...(tls ? [tls] : []),
    ...merchantFindings(config, database.inspection, facts, calledAs(io)),
    ...chains.flatMap(({ findings }) => findings),
  ];
}
