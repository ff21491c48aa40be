/**
 * What an operator sets up for Tributary on Solana: a node (litesvm's virtual machine behind its interface), a
 * configuration file with the token, a merchant whose tracking ids are open and a secret key made on the command line, and
 * the server in live mode.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Api } from "./clients/api.ts";
import { runCli } from "./run-cli.ts";
import { ServerProcess } from "./server-process.ts";
import { TestSolanaNode } from "./solana/solana-node.ts";
import { TestToken } from "./solana/test-token.ts";

interface Parts {
  node: TestSolanaNode;
  usdc: TestToken;
  server: ServerProcess;
  key: string;
  dataDir: string;
}

export class LiveSolana {
  readonly node: TestSolanaNode;
  readonly usdc: TestToken;
  readonly server: ServerProcess;
  readonly api: Api;
  readonly #dataDir: string;

  static async start(): Promise<LiveSolana> {
    const node = await TestSolanaNode.start();
    const usdc = await TestToken.create(node.ledger, "USDC");
    node.mine(1);
    const dataDir = await mkdtemp(join(tmpdir(), "paybell-live-"));
    const config = join(dataDir, "paybell.config.json");
    const solana = {
      kind: "solana",
      network: "private",
      genesisHash: node.ledger.genesisHash,
      endpoints: [{ url: node.server.url, wsUrl: node.server.wsUrl }],
      tokens: [usdc.token],
      tributary: {},
      pollIntervalMs: 200,
    };
    await writeFile(config, JSON.stringify({ mode: "live", chains: { solana } }));
    const paybell = (...args: string[]) => runCli([...args, "--config", config, "--data-dir", dataDir]);
    const merchantId = await paybell("merchants", "create", "Corner Shop");
    await paybell("merchants", "settings", merchantId, "--open-references", "on");
    const key = await paybell("keys", "create", merchantId);
    const server = await ServerProcess.start({ dataDir, env: { PAYBELL_MODE: "live" }, args: ["--config", config] });
    return new LiveSolana({ node, usdc, server, key, dataDir });
  }

  private constructor({ node, usdc, server, key, dataDir }: Parts) {
    this.node = node;
    this.usdc = usdc;
    this.server = server;
    this.#dataDir = dataDir;
    this.api = new Api(server.url, key);
  }

  async stop(): Promise<void> {
    await this.server.dispose();
    await this.node.server.close();
    await rm(this.#dataDir, { recursive: true, force: true });
  }
}
