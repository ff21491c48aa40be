/** `paybell doctor` on Redis: there, not there, with a wrong password, and not at all beside SQLite. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Diagnosis, Patient } from "../../testkit/patient.ts";
import { usePostgres } from "../../testkit/postgres.ts";
import { useRedis } from "../../testkit/redis.ts";
import { freePort } from "../../testkit/server-process.ts";

const postgres = usePostgres();
const redis = useRedis({ password: "s3cret" });
let databaseUrl: string;
let patient: Patient;
beforeEach(async () => {
  databaseUrl = await postgres().createDatabase();
  patient = await Patient.admit();
});
afterEach(async () => {
  await patient.discharge();
  await postgres().dropDatabase(databaseUrl);
});

const of = ({ findings }: Diagnosis, what: string) => findings.filter((finding) => finding.what === what);

test("one that answers is named", async () => {
  await patient.configure({ databaseUrl, redisUrl: redis().url });
  const diagnosis = await patient.examine();
  const found = expect.stringMatching(/^(Redis|Valkey) \d+\.\d+.* at redis:\/\/127\.0\.0\.1:\d+$/);
  expect(of(diagnosis, "redis")).toMatchObject([{ status: "ok", found }]);
});

test("one that is not there, or refuses, is broken, and no password is shown", async () => {
  await patient.configure({ databaseUrl, redisUrl: `redis://user:s3cret@127.0.0.1:${await freePort()}` });
  const absent = await patient.examine();
  expect(absent.code).not.toBe(0);
  expect(of(absent, "redis")).toMatchObject([{ status: "broken", found: expect.stringContaining("ECONNREFUSED") }]);
  await patient.configure({ databaseUrl, redisUrl: `redis://:wr0ng@127.0.0.1:${redis().port}` });
  const refusing = await patient.examine();
  expect(of(refusing, "redis")).toMatchObject([{ status: "broken", found: expect.stringContaining("WRONGPASS") }]);
  expect(absent.out + refusing.out).not.toMatch(/s3cret|wr0ng/);
});

test("beside SQLite it is a mistake in the configuration", async () => {
  await patient.configure({ redisUrl: redis().url });
  const diagnosis = await patient.examine();
  expect(of(diagnosis, "config")).toMatchObject([
    {
      status: "broken",
      found: expect.stringContaining("SQLite"),
      toDo: expect.stringContaining("PAYBELL_DATABASE_URL"),
    },
  ]);
  expect(of(diagnosis, "redis")).toEqual([]);
});
