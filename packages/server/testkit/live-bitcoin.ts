/**
 * What an operator sets up for Bitcoin: a node (bcoin, regtest, behind bitcoind's interface), a configuration file, a
 * merchant with an extended public key and a secret key made on the command line, and the server in live mode.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Bitcoind, type BitcoindOptions } from "./bitcoind/start-bitcoind.ts";
import { Api } from "./clients/api.ts";
import { runCli } from "./run-cli.ts";
import { ServerProcess } from "./server-process.ts";

/** Account key m/84'/1'/0' of the test mnemonic in BIP39 ("abandon … about"). */
export const TEST_ACCOUNT_KEY =
  "vpub5Y6cjg78GGuNLsaPhmYsiw4gYX3HoQiRBiSwDaBXKUafCt9bNwWQiitDk5VZ5BVxYnQdwoTyXSs2JHRPAgjAvtbBrf8ZhDYe2jWAqvZVnsc";

export class LiveBitcoin {
  readonly node: Bitcoind;
  readonly server: ServerProcess;
  readonly api: Api;
  readonly merchantId: string;
  readonly key: string;
  readonly #dataDir: string;

  private constructor(parts: {
    node: Bitcoind;
    server: ServerProcess;
    merchantId: string;
    key: string;
    dataDir: string;
  }) {
    this.node = parts.node;
    this.server = parts.server;
    this.merchantId = parts.merchantId;
    this.key = parts.key;
    this.#dataDir = parts.dataDir;
    this.api = new Api(this.server.url, this.key);
  }

  static async start(options: BitcoindOptions = {}): Promise<LiveBitcoin> {
    const node = await Bitcoind.start(options);
    const dataDir = await mkdtemp(join(tmpdir(), "paybell-live-"));
    const config = join(dataDir, "paybell.config.json");
    const chain = {
      kind: "bitcoin",
      network: "regtest",
      rpcUrl: node.rpcUrl,
      rpcUser: node.auth.user,
      rpcPassword: node.auth.password,
      zmq: { rawtx: node.zmqUrl, sequence: node.zmqUrl },
      pollIntervalMs: 500,
    };
    await writeFile(config, JSON.stringify({ mode: "live", chains: { bitcoin: chain } }));
    const paybell = (...args: string[]) => runCli([...args, "--config", config, "--data-dir", dataDir]);
    const merchantId = await paybell("merchants", "create", "Corner Shop");
    await paybell("merchants", "set-xpub", merchantId, "bitcoin", TEST_ACCOUNT_KEY);
    const key = await paybell("keys", "create", merchantId);
    const server = await ServerProcess.start({ dataDir, env: { PAYBELL_MODE: "live" }, args: ["--config", config] });
    return new LiveBitcoin({ node, server, merchantId, key, dataDir });
  }

  async stop(): Promise<void> {
    await this.server.dispose();
    await this.node.stop();
    await rm(this.#dataDir, { recursive: true, force: true });
  }
}
