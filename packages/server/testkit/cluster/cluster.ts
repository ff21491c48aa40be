/** Nodes on one PostgreSQL and one Redis, and the balancers before them. */
import { type EndStep, endAll } from "../../src/kit/teardown.ts";
import { type PostgresServer, startPostgres } from "../postgres.ts";
import { RedisServer } from "../redis.ts";
import { Front } from "./front.ts";
import { ClusterNode } from "./node.ts";
import { within } from "./patience.ts";
import { noteWatchWrites } from "./watch-audit.ts";

export interface ClusterOptions {
  nodes: number;
  config: object;
}

/** The chain whose watching node is looked for. */
const CHAIN = "sandbox";
const HEALTHY_TIMEOUT_MS = 60_000;

type ClusterParts = Pick<Cluster, "postgres" | "redis" | "databaseUrl" | "nodes">;

export class Cluster {
  readonly postgres: PostgresServer;
  readonly redis: RedisServer;
  /** Past all that is done to the network. */
  readonly databaseUrl: string;
  readonly nodes: readonly ClusterNode[];
  /** Gives each line to the next node. */
  readonly front: Front;
  /** Gives all lines to one node, as long as it is ready. */
  readonly stickyFront: Front;

  private constructor(parts: ClusterParts, fronts: readonly [Front, Front]) {
    this.postgres = parts.postgres;
    this.redis = parts.redis;
    this.databaseUrl = parts.databaseUrl;
    this.nodes = parts.nodes;
    [this.front, this.stickyFront] = fronts;
  }

  static async start({ nodes: count, config }: ClusterOptions): Promise<Cluster> {
    const undo: EndStep[] = [];
    try {
      const postgres = await startPostgres();
      undo.push(() => postgres.stop());
      const redis = await RedisServer.start();
      undo.push(() => redis.stop());
      const databaseUrl = await postgres.createDatabase();
      const nodes: ClusterNode[] = [];
      // One after the other: the first makes the tables.
      for (let nth = 1; nth <= count; nth += 1) {
        const node = await ClusterNode.start({ name: `node ${nth}`, databaseUrl, redisUrl: redis.url, config });
        undo.push(() => node.dispose());
        nodes.push(node);
        if (nth === 1) await noteWatchWrites(databaseUrl);
      }
      const fronts = [await Front.before(nodes), await Front.before(nodes, { sticky: true })] as const;
      const cluster = new Cluster({ postgres, redis, databaseUrl, nodes }, fronts);
      await cluster.healthy();
      return cluster;
    } catch (error) {
      // What fails on the way back says nothing of why it could not start.
      await endAll(undo, () => undefined).catch(() => undefined);
      throw error;
    }
  }

  /** The node that watches the sandbox's chain, as far as it is known; `null`: none says so. */
  get leader(): ClusterNode | null {
    return this.nodes.find((node) => node.isReady && node.leads(CHAIN)) ?? null;
  }

  /** Every node serves, and one of them watches. Resolves with the time that it took, ms. */
  async healthy(): Promise<number> {
    const beganAtMs = Date.now();
    const state = () => this.nodes.map(({ name, standing }) => `${name}: ${JSON.stringify(standing)}`).join("; ");
    const isHealthy = () => this.nodes.every(({ isReady }) => isReady) && this.leader !== null;
    await within(HEALTHY_TIMEOUT_MS, state, isHealthy);
    return Date.now() - beganAtMs;
  }

  async close(): Promise<void> {
    await Promise.all([this.front.close(), this.stickyFront.close()]);
    await Promise.all(this.nodes.map((node) => node.dispose()));
    await Promise.all([this.postgres.stop(), this.redis.stop()]);
  }
}
