import pg from "pg";
import { PostgresLeases } from "../../src/storage/postgres/leases.ts";
import { type LeaseHome, testLeases } from "../../testkit/leases.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { openPostgres, postgresStoresOn } from "../../testkit/postgres-home.ts";

const server = usePostgres();

async function home(): Promise<LeaseHome> {
  const url = await server().createDatabase();
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  return {
    async open() {
      const database = await openPostgres(url);
      return { ...postgresStoresOn(database), leases: new PostgresLeases(database) };
    },
    async expire(lease) {
      await admin.query("UPDATE leases SET expires_at = clock_timestamp() WHERE lease = $1", [lease]);
    },
    async remove() {
      await admin.end();
      await server().dropDatabase(url);
    },
  };
}

testLeases("PostgreSQL", home);
