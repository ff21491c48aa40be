/** Several servers under test on one store, all on the server's core together with the database and Redis that they use. */
import { startPostgres } from "../packages/server/testkit/postgres.ts";
import { RedisServer } from "../packages/server/testkit/redis.ts";
import { pinProcess } from "./cores.ts";
import { Paybell } from "./paybell.ts";
import { processorUs, processTree } from "./process-tree.ts";

/** PostgreSQL and Redis, started once for all runs; each run has a database of its own. */
export interface Services {
  /** Of a new, empty database. */
  createDatabase(): Promise<string>;
  redisUrl: string;
  /** Processor time so far, µs. */
  used(): { postgres: number; redis: number };
  stop(): Promise<void>;
}

export async function startServices(): Promise<Services> {
  const postgres = await startPostgres();
  const redis = await RedisServer.start();
  for (const { pid } of [postgres, redis]) for (const each of processTree(pid)) pinProcess("server", each);
  return {
    createDatabase: () => postgres.createDatabase(),
    redisUrl: redis.url,
    used: () => ({ postgres: processorUs(postgres.pid), redis: processorUs(redis.pid) }),
    async stop() {
      await redis.stop();
      await postgres.stop();
    },
  };
}

/** Runs with so many servers on one store, which are ended whatever happens. */
export async function withNodes<T>(
  count: number,
  environment: Readonly<Record<string, string>>,
  use: (nodes: readonly Paybell[]) => Promise<T>,
): Promise<T> {
  const nodes: Paybell[] = [];
  try {
    // One after the other: the first makes the tables.
    for (let nth = 0; nth < count; nth += 1) nodes.push(await Paybell.start(environment));
    return await use(nodes);
  } finally {
    await Promise.all(nodes.map((node) => node.stop()));
  }
}
