/** A process of its own on a PostgreSQL database: changes payments for ever, and prints each change after it was answered. */
import { appendForEver } from "./append-storm.ts";
import { openPostgres, postgresStoresOn } from "./postgres-home.ts";

const [url] = process.argv.slice(2) as [string];
await appendForEver(postgresStoresOn(await openPostgres(url)));
