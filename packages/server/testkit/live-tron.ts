/**
 * What an operator sets up for a shop on TRON: a node (simulated), a configuration file, a merchant with one address and
 * a secret key made on the command line, and the server in live mode.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Api } from "./clients/api.ts";
import { runCli } from "./run-cli.ts";
import { ServerProcess } from "./server-process.ts";
import { SimulatedTronNode } from "./tron/start-tron.ts";
import { TronWallet } from "./tron/wallet.ts";

interface Parts {
  node: SimulatedTronNode;
  server: ServerProcess;
  key: string;
  shop: TronWallet;
  dataDir: string;
}

export class LiveTron {
  readonly node: SimulatedTronNode;
  readonly server: ServerProcess;
  readonly api: Api;
  /** Where all customers pay. */
  readonly shop: TronWallet;
  readonly #dataDir: string;

  static async start(): Promise<LiveTron> {
    const node = await SimulatedTronNode.start();
    node.chain.mine(30);
    const dataDir = await mkdtemp(join(tmpdir(), "paybell-live-"));
    const config = join(dataDir, "paybell.config.json");
    const tron = {
      kind: "tron",
      network: "private",
      genesis: node.genesis,
      endpoints: [{ url: node.url }],
      pollIntervalMs: 200,
    };
    await writeFile(config, JSON.stringify({ mode: "live", chains: { tron } }));
    const paybell = (...args: string[]) => runCli([...args, "--config", config, "--data-dir", dataDir]);
    const merchantId = await paybell("merchants", "create", "Crypto Shop");
    const shop = new TronWallet();
    await paybell("merchants", "set-address", merchantId, "tron", shop.address);
    // The document's sample joins without a session token: that must be asked for by name.
    await paybell("merchants", "settings", merchantId, "--open-customers", "on");
    const key = await paybell("keys", "create", merchantId);
    const server = await ServerProcess.start({ dataDir, env: { PAYBELL_MODE: "live" }, args: ["--config", config] });
    return new LiveTron({ node, server, key, shop, dataDir });
  }

  private constructor({ node, server, key, shop, dataDir }: Parts) {
    this.node = node;
    this.server = server;
    this.api = new Api(server.url, key);
    this.shop = shop;
    this.#dataDir = dataDir;
  }

  async stop(): Promise<void> {
    await this.server.dispose();
    await this.node.stop();
    await rm(this.#dataDir, { recursive: true, force: true });
  }
}
