/** What is done to a cluster under load: everything that may happen to processes, databases and networks. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "./cluster.ts";
import type { LinkState, NetworkLink } from "./network-link.ts";
import type { ClusterNode } from "./node.ts";
import { within } from "./patience.ts";

export interface Stage {
  cluster: Cluster;
  random: () => number;
}

/** Does it and undoes it. Resolves when what was broken is whole; the cluster may still be coming round. */
export type Fault = (stage: Stage) => Promise<void>;

/** Longer than a lease lives without its holder, ms. */
const BEYOND_LEASE_MS = 7_000;
/** A moment, as networks have them, ms. */
const MOMENT_MS = 1_500;
const SUPERVISOR_MS = 500;
const HAND_OVER_TIMEOUT_MS = 30_000;

async function kill(node: ClusterNode): Promise<void> {
  await node.kill9();
  await sleep(SUPERVISOR_MS);
  await node.restart();
}

function watching({ leader }: Cluster): ClusterNode {
  if (!leader) throw new Error("No node watches the chain.");
  return leader;
}

function anyOf(nodes: readonly ClusterNode[], random: () => number): ClusterNode {
  return nodes[Math.floor(random() * nodes.length)] as ClusterNode;
}

/** Resolves when another node watches. */
async function handedOver(cluster: Cluster, from: ClusterNode): Promise<void> {
  await within(HAND_OVER_TIMEOUT_MS, `another node than ${from.name} to watch`, () => {
    const { leader } = cluster;
    return leader !== null && leader !== from;
  });
}

async function interrupt(link: NetworkLink, state: LinkState, ms: number): Promise<void> {
  link.become(state);
  await sleep(ms);
  link.become("up");
}

export const FAULTS = {
  "kill -9 of a node": async ({ cluster, random }) => {
    await kill(anyOf(cluster.nodes, random));
  },
  "kill -9 of the watching node": async ({ cluster }) => {
    const node = watching(cluster);
    await node.kill9();
    await handedOver(cluster, node);
    await node.restart();
  },
  "PostgreSQL crashes and starts": async ({ cluster, random }) => {
    await cluster.postgres.crash();
    await sleep(random() * 2 * MOMENT_MS);
    await cluster.postgres.restart();
  },
  "Redis is killed and started": async ({ cluster, random }) => {
    await cluster.redis.crash();
    await sleep(MOMENT_MS + random() * 2 * MOMENT_MS);
    await cluster.redis.restart();
  },
  "Redis says nothing": async ({ cluster }) => {
    await cluster.redis.pause();
    await sleep(3 * MOMENT_MS);
    await cluster.redis.resume();
  },
  "the watching node is paused past its lease": async ({ cluster }) => {
    const node = watching(cluster);
    node.pause();
    await sleep(BEYOND_LEASE_MS);
    await handedOver(cluster, node);
    node.resume();
  },
  "a node is paused for a moment": async ({ cluster, random }) => {
    const node = anyOf(cluster.nodes, random);
    node.pause();
    await sleep(MOMENT_MS);
    node.resume();
  },
  "node and PostgreSQL: reset": async ({ cluster, random }) => {
    await interrupt(anyOf(cluster.nodes, random).toDatabase, "refused", 2 * MOMENT_MS);
  },
  "watching node and PostgreSQL: nothing passes": async ({ cluster }) => {
    const node = watching(cluster);
    node.toDatabase.become("silent");
    await sleep(BEYOND_LEASE_MS);
    await handedOver(cluster, node);
    node.toDatabase.become("up");
  },
  "node and PostgreSQL: no answer comes back": async ({ cluster, random }) => {
    await interrupt(anyOf(cluster.nodes, random).toDatabase, "unanswered", BEYOND_LEASE_MS);
  },
  "node and PostgreSQL: slow": async ({ cluster, random }) => {
    const { toDatabase } = anyOf(cluster.nodes, random);
    toDatabase.delayMs = 40;
    await sleep(2 * MOMENT_MS);
    toDatabase.delayMs = 0;
  },
  "node and Redis: reset": async ({ cluster, random }) => {
    await interrupt(anyOf(cluster.nodes, random).toRedis, "refused", 2 * MOMENT_MS);
  },
  "node and Redis: nothing passes": async ({ cluster, random }) => {
    await interrupt(anyOf(cluster.nodes, random).toRedis, "silent", BEYOND_LEASE_MS);
  },
  "rolling restart": async ({ cluster }) => {
    for (const node of cluster.nodes) {
      const { code } = await node.stop();
      if (code !== 0) throw new Error(`${node.name} ended with ${code} at SIGTERM.\n${node.output}`);
      await node.restart();
    }
  },
} as const satisfies Record<string, Fault>;
export type FaultName = keyof typeof FAULTS;

/** Each once, in an order that the random numbers choose. */
export function inRandomOrder<T>(all: readonly T[], random: () => number): T[] {
  const left = [...all];
  return all.map(() => left.splice(Math.floor(random() * left.length), 1)[0] as T);
}
