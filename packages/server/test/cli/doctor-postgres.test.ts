/** `paybell` and its doctor on PostgreSQL: healthy, not there, and made for another mode. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { knownMigrations } from "../../src/storage/postgres/migrate.ts";
import { type Diagnosis, Patient } from "../../testkit/patient.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { freePort } from "../../testkit/server-process.ts";

const server = usePostgres();
let url: string;
let patient: Patient;
beforeEach(async () => {
  url = await server().createDatabase();
  patient = await Patient.admit();
});
afterEach(async () => {
  await patient.discharge();
  await server().dropDatabase(url);
});

const of = ({ findings }: Diagnosis, what: string) => findings.filter((finding) => finding.what === what);

test("an empty database is brought up to date by a command, and then nothing is wrong with it", async () => {
  await patient.configure({ databaseUrl: url });
  const before = await patient.examine();
  expect(of(before, "database")).toMatchObject([
    { status: "warning", found: expect.stringContaining(`${knownMigrations().length} migrations to apply`) },
  ]);
  const migrated = await patient.run("migrate");
  expect([migrated.code, migrated.out.trim().split("\n")]).toEqual([0, knownMigrations().map(({ name }) => name)]);
  await patient.run("merchants", "create", "Corner Shop");
  const after = await patient.examine();
  expect(of(after, "durability")).toMatchObject([{ status: "ok", found: expect.stringContaining("PostgreSQL 1") }]);
  expect(of(after, "database")).toMatchObject([{ status: "ok", found: expect.stringContaining("sandbox mode") }]);
  expect(of(after, "merchants")).toMatchObject([
    { status: "warning", found: expect.stringContaining("no secret key") },
  ]);
  expect([...of(after, "data directory"), ...of(after, "integrity"), ...of(after, "server")]).toEqual([]);
});

test("one of another mode, and one that is not there, are named with what to do", async () => {
  await patient.configure({ databaseUrl: url });
  await patient.run("migrate");
  await patient.configure({ databaseUrl: url, mode: "live" });
  const wrong = await patient.examine();
  expect(of(wrong, "database")).toMatchObject([{ status: "broken", toDo: expect.stringContaining("PAYBELL_MODE") }]);
  await patient.configure({ databaseUrl: `postgres://paybell:secret@127.0.0.1:${await freePort()}/shop` });
  const absent = await patient.examine();
  expect(absent.code).not.toBe(0);
  expect(of(absent, "database")).toMatchObject([{ status: "broken", found: expect.stringContaining("ECONNREFUSED") }]);
  expect(JSON.stringify(absent.findings)).not.toContain("secret@");
});
