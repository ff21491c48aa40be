import { expect, test } from "vitest";
import { databaseOf, failureOf, shownAddress } from "../../src/bus/redis/connection.ts";

const URL = "rediss://operator:p%40ss%2Fw0rd@cache.example:6380/12";

test("an address is shown without who may use it", () => {
  expect(shownAddress(URL)).toBe("rediss://cache.example:6380/12");
  expect(shownAddress("redis://[::1]:6379/")).toBe("redis://[::1]:6379");
  expect(shownAddress("redis://t0ken@host")).toBe("redis://host");
});

test("the number of the database is read from it", () => {
  expect([URL, "redis://host", "redis://host/", "redis://host:1/0"].map(databaseOf)).toEqual([12, 0, 0, 0]);
});

test("a failure says why, without the password, however it is written", () => {
  const said = (text: string) => failureOf(new Error(text), URL).message;
  expect(said("WRONGPASS for p@ss/w0rd at rediss://operator:p%40ss%2Fw0rd@cache")).toBe(
    "WRONGPASS for *** at rediss://operator:***@cache",
  );
  const nobody = new AggregateError([
    new Error("connect ECONNREFUSED ::1:1"),
    new Error("connect ECONNREFUSED 127.0.0.1:1"),
  ]);
  expect(failureOf(nobody, URL).message).toBe("connect ECONNREFUSED ::1:1, connect ECONNREFUSED 127.0.0.1:1");
});
