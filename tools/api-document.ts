/** The OpenAPI document of a server in live mode, every protocol's calls included: for the published reference. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { loadConfig } from "../packages/server/src/config/load-config.ts";
import { startServer } from "../packages/server/src/main.ts";

/** Starts one on an empty directory, and asks it for `/openapi.json`. */
export async function apiDocument(version: string): Promise<object> {
  const dataDir = await mkdtemp(join(tmpdir(), "paybell-docs-"));
  const config = loadConfig({
    configFile: null,
    cwd: dataDir,
    environment: { PAYBELL_MODE: "live", PAYBELL_PORT: "0", PAYBELL_DATA_DIR: dataDir },
    flags: {},
  });
  const onFatal = (error: Error) => {
    throw error;
  };
  const server = await startServer(config, { logger: pino({ level: "silent" }), version, onFatal });
  try {
    const answer = await fetch(`${server.url}/openapi.json`);
    if (!answer.ok) throw new Error(`/openapi.json: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as object;
  } finally {
    await server.stop();
    await rm(dataDir, { recursive: true });
  }
}
