/**
 * Several server processes in live mode on one PostgreSQL database, that watch one Bitcoin node (bcoin, regtest): what an
 * operator sets up who wants to lose a machine without losing a payment.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Bitcoind } from "./bitcoind/start-bitcoind.ts";
import { Api } from "./clients/api.ts";
import { TEST_ACCOUNT_KEY } from "./live-bitcoin.ts";
import { runCli } from "./run-cli.ts";
import { ServerProcess } from "./server-process.ts";
import { until } from "./until.ts";

interface ReadyChain {
  chain: string;
  role: "leader" | "standby";
  connected: boolean | null;
  headHeight: number | null;
  problem: string | null;
}

/** One process. */
export interface LiveNode {
  server: ServerProcess;
  api: Api;
}

interface Parts {
  bitcoind: Bitcoind;
  nodes: readonly LiveNode[];
  dataDir: string;
}

export class LiveNodes {
  readonly bitcoind: Bitcoind;
  readonly nodes: readonly LiveNode[];
  readonly #dataDir: string;

  private constructor({ bitcoind, nodes, dataDir }: Parts) {
    this.bitcoind = bitcoind;
    this.nodes = nodes;
    this.#dataDir = dataDir;
  }

  /** @param urls of the one database, one per node: proxies may stand in between */
  static async start(urls: readonly string[], limits: object = {}): Promise<LiveNodes> {
    const bitcoind = await Bitcoind.start();
    const dataDir = await mkdtemp(join(tmpdir(), "paybell-live-"));
    const config = join(dataDir, "paybell.config.json");
    const { user: rpcUser, password: rpcPassword } = bitcoind.auth;
    const node = { kind: "bitcoin", network: "regtest", rpcUrl: bitcoind.rpcUrl, rpcUser, rpcPassword };
    const zmq = { rawtx: bitcoind.zmqUrl, sequence: bitcoind.zmqUrl };
    const bitcoin = { ...node, zmq, pollIntervalMs: 500 };
    const drain = { drainNoticeMs: 0, drainMs: 0 };
    const settings = { mode: "live", databaseUrl: urls[0], chains: { bitcoin }, limits, ...drain };
    await writeFile(config, JSON.stringify(settings));
    const paybell = (...args: string[]) => runCli([...args, "--config", config]);
    const merchantId = await paybell("merchants", "create", "Corner Shop");
    await paybell("merchants", "set-xpub", merchantId, "bitcoin", TEST_ACCOUNT_KEY);
    const key = await paybell("keys", "create", merchantId);
    const nodes: LiveNode[] = [];
    for (const url of urls) {
      const env = { PAYBELL_MODE: "live", PAYBELL_DATABASE_URL: url };
      const server = await ServerProcess.start({ env, args: ["--config", config] });
      nodes.push({ server, api: new Api(server.url, key) });
    }
    return new LiveNodes({ bitcoind, nodes, dataDir });
  }

  /** How the node sees its chain; `null`: it does not answer. */
  async chainOf({ api }: LiveNode): Promise<ReadyChain | null> {
    try {
      const { chains } = await api.call<{ chains: ReadyChain[] }>("GET", "/readyz");
      return chains[0] ?? null;
    } catch {
      // It was ended, or is just starting: whoever waits for it asks again.
      return null;
    }
  }

  /** Resolves with the node that watches the chain. @param among those that answer */
  leader(among: readonly LiveNode[] = this.nodes): Promise<LiveNode> {
    return until("one of the nodes watches", async () => {
      for (const node of among) {
        const chain = await this.chainOf(node);
        if (chain?.role === "leader" && chain.connected) return node;
      }
      return null;
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map(({ server }) => server.dispose()));
    await this.bitcoind.stop();
    await rm(this.#dataDir, { recursive: true, force: true });
  }
}
