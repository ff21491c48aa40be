/** One secret per database, whoever asks first, and none of another database. */
import { expect, test } from "vitest";
import { busSecret } from "../../src/storage/postgres/bus-secret.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { openPostgres } from "../../testkit/postgres-home.ts";

const server = usePostgres();

test("all processes that ask at the same moment, and all later ones, have the same 32 bytes", async () => {
  const url = await server().createDatabase();
  const databases = [await openPostgres(url), await openPostgres(url), await openPostgres(url)];
  const secrets = await Promise.all(databases.map(busSecret));
  const later = await openPostgres(url);
  secrets.push(await busSecret(later));
  expect(new Set(secrets.map((secret) => secret.toString("hex"))).size).toBe(1);
  expect(secrets[0]).toHaveLength(32);
  const other = await openPostgres(await server().createDatabase());
  expect(await busSecret(other)).not.toEqual(secrets[0]);
  await Promise.all([...databases, later, other].map((database) => database.close()));
});
