/**
 * Who wrote what a watcher finds, noted by the database itself: a trigger notes with each such write which node made it, and
 * who held the lease of the chain at that moment. So a node that writes after it has lost its lease is found, whatever comes
 * of what it wrote.
 */
import pg from "pg";

const TABLES = ["watcher_progress", "transfers"] as const;
const LEASE = "watch sandbox";
const CHAIN = "sandbox";

/** Transfers of other chains are reported by the merchant, through any node. */
const SETUP = `
CREATE TABLE test_watch_writes (node TEXT NOT NULL, what TEXT NOT NULL, holder TEXT, token BIGINT);
CREATE FUNCTION test_note_watch_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO test_watch_writes
  SELECT current_setting('application_name'), TG_TABLE_NAME, holder, token FROM leases WHERE lease = '${LEASE}';
  RETURN NULL;
END $$;
${TABLES.map(
  (table) => `CREATE TRIGGER test_note_watch_write AFTER INSERT OR UPDATE ON ${table}
  FOR EACH ROW WHEN (NEW.chain = '${CHAIN}') EXECUTE FUNCTION test_note_watch_write();`,
).join("\n")}
`;

interface Writes {
  node: string;
  what: string;
  holder: string | null;
  writes: string;
}

export interface WatchWrites {
  /** How many were noted: none would prove nothing. */
  writes: number;
  /** Leases that were held while something was written. */
  holders: number;
  wrong: readonly string[];
}

/** The part of a database address by which it knows a node. */
export function namedIn(databaseUrl: string, node: string): string {
  const url = new URL(databaseUrl);
  url.searchParams.set("application_name", node);
  return url.href;
}

/** Once, when the tables are there. */
export async function noteWatchWrites(databaseUrl: string): Promise<void> {
  await asking(databaseUrl, (client) => client.query(SETUP));
}

/** Each lease's holder is one process, so one node: what another wrote meanwhile it was not to write. */
export async function auditWatchWrites(databaseUrl: string): Promise<WatchWrites> {
  const { rows } = await asking(databaseUrl, (client) =>
    client.query<Writes>("SELECT node, what, holder, count(*) AS writes FROM test_watch_writes GROUP BY 1, 2, 3"),
  );
  const byHolder = Map.groupBy(rows, ({ holder }) => holder);
  const wrong: string[] = [];
  for (const [holder, own] of byHolder) {
    const nodes = new Set(own.map(({ node }) => node));
    if (holder !== null && nodes.size === 1) continue;
    const told = own.map(({ node, what, writes }) => `${node} wrote ${writes} × ${what}`).join(", ");
    wrong.push(`While the chain's lease was held by ${holder ?? "nobody"}: ${told}.`);
  }
  return { writes: rows.reduce((sum, { writes }) => sum + Number(writes), 0), holders: byHolder.size, wrong };
}

async function asking<T>(databaseUrl: string, ask: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return await ask(client);
  } finally {
    await client.end();
  }
}
