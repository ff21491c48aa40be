import { PostgresSandboxLedger } from "../../src/storage/postgres/sandbox-ledger.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { openPostgres } from "../../testkit/postgres-home.ts";
import { testSandboxLedger } from "../../testkit/storing/sandbox-ledger.ts";

const server = usePostgres();

testSandboxLedger(async () => {
  const url = await server().createDatabase();
  return {
    async open() {
      const database = await openPostgres(url);
      return { ledger: new PostgresSandboxLedger(database), close: () => database.close() };
    },
    remove: () => server().dropDatabase(url),
  };
});
