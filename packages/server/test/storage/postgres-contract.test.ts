import { testEventLog } from "../../testkit/event-log.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { makePostgresHome } from "../../testkit/postgres-home.ts";

const server = usePostgres();
testEventLog("PostgreSQL", { twoInstances: true }, () => makePostgresHome(server()));
