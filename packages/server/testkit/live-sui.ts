/**
 * What an operator sets up for identiPay on Sui: a node (simulated), a configuration file, a merchant with one address
 * and a secret key made on the command line, and the server in live mode.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Api } from "./clients/api.ts";
import { IdentipayShop } from "./clients/identipay-shop.ts";
import { runCli } from "./run-cli.ts";
import { SampleStage } from "./sample-stage.ts";
import { SimulatedSuiNode } from "./sui/simulated-node.ts";
import { suiAddress, USDC } from "./sui-harness.ts";

interface Parts {
  node: SimulatedSuiNode;
  stage: SampleStage;
  merchantId: string;
  key: string;
  dataDir: string;
}

export class LiveSui {
  readonly node: SimulatedSuiNode;
  readonly stage: SampleStage;
  readonly api: Api;
  readonly shop: IdentipayShop;
  readonly merchantId: string;
  /** Where all of the merchant's proposals are paid. */
  readonly address = suiAddress("the corner shop's wallet");
  readonly #dataDir: string;

  static async start(): Promise<LiveSui> {
    const node = await SimulatedSuiNode.start({ nowMs: () => Date.now() });
    const dataDir = await mkdtemp(join(tmpdir(), "paybell-live-"));
    const config = join(dataDir, "paybell.config.json");
    const sui = {
      kind: "sui",
      network: "localnet",
      chainId: node.ledger.chainId,
      endpoints: [{ url: node.url }],
      coins: [USDC],
      pollIntervalMs: 200,
    };
    await writeFile(config, JSON.stringify({ mode: "live", chains: { sui }, identipay: { chain: "sui" } }));
    const paybell = (...args: string[]) => runCli([...args, "--config", config, "--data-dir", dataDir]);
    const merchantId = await paybell("merchants", "create", "Corner Shop");
    await paybell("merchants", "set-address", merchantId, "sui", suiAddress("the corner shop's wallet"));
    const key = await paybell("keys", "create", merchantId);
    const stage = await SampleStage.open({ dataDir, env: { PAYBELL_MODE: "live" }, args: ["--config", config] });
    return new LiveSui({ node, stage, merchantId, key, dataDir });
  }

  private constructor({ node, stage, merchantId, key, dataDir }: Parts) {
    this.node = node;
    this.stage = stage;
    this.merchantId = merchantId;
    this.#dataDir = dataDir;
    this.api = new Api(stage.server.url, key);
    this.shop = new IdentipayShop(stage.server.url, key);
  }

  async stop(): Promise<void> {
    await this.stage.close();
    await this.node.stop();
    await rm(this.#dataDir, { recursive: true, force: true });
  }
}
