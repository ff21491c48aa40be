/**
 * What an operator sets up for two EVM networks at once: a node for each (anvil), a configuration file with the same
 * token on both, a merchant and a secret key made on the command line, and the server in live mode.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Hex } from "viem";
import { systemClock } from "../src/kit/clock.ts";
import { TestChain } from "./anvil/test-chain.ts";
import { Api } from "./clients/api.ts";
import { runCli } from "./run-cli.ts";
import { ServerProcess } from "./server-process.ts";

export interface LiveNetwork {
  chain: TestChain;
  /** USDT. */
  token: Hex;
}

interface Parts {
  ethereum: LiveNetwork;
  polygon: LiveNetwork;
  server: ServerProcess;
  key: string;
  dataDir: string;
}

export class LiveEvm {
  readonly ethereum: LiveNetwork;
  readonly polygon: LiveNetwork;
  readonly server: ServerProcess;
  readonly api: Api;
  readonly #dataDir: string;

  static async start(): Promise<LiveEvm> {
    const [ethereum, polygon] = await Promise.all([startNetwork(31_337), startNetwork(137)]);
    const dataDir = await mkdtemp(join(tmpdir(), "paybell-live-"));
    const config = join(dataDir, "paybell.config.json");
    const chains = {
      ethereum: { ...settingsOf(ethereum), mempool: true },
      polygon: { ...settingsOf(polygon), native: { symbol: "POL" } },
    };
    await writeFile(config, JSON.stringify({ mode: "live", chains }));
    const paybell = (...args: string[]) => runCli([...args, "--config", config, "--data-dir", dataDir]);
    const merchantId = await paybell("merchants", "create", "Corner Shop");
    const key = await paybell("keys", "create", merchantId);
    const server = await ServerProcess.start({ dataDir, env: { PAYBELL_MODE: "live" }, args: ["--config", config] });
    return new LiveEvm({ ethereum, polygon, server, key, dataDir });
  }

  private constructor({ ethereum, polygon, server, key, dataDir }: Parts) {
    this.ethereum = ethereum;
    this.polygon = polygon;
    this.server = server;
    this.api = new Api(server.url, key);
    this.#dataDir = dataDir;
  }

  async stop(): Promise<void> {
    await this.server.dispose();
    await Promise.all([this.ethereum.chain.stop(), this.polygon.chain.stop()]);
    await rm(this.#dataDir, { recursive: true, force: true });
  }
}

async function startNetwork(chainId: number): Promise<LiveNetwork> {
  const chain = await TestChain.start(systemClock, { chainId });
  return { chain, token: await chain.deployToken() };
}

function settingsOf({ chain, token }: LiveNetwork): object {
  return {
    kind: "evm",
    chainId: chain.chainId,
    endpoints: [{ url: chain.facade.url, wsUrl: chain.facade.wsUrl }],
    tokens: [{ contract: token, symbol: "USDT", decimals: 6 }],
    confirmations: 2,
    finalConfirmations: 6,
    pollIntervalMs: 200,
  };
}
