import { expect, test } from "vitest";
import { readServerVersion } from "../../src/bus/redis/server-version.ts";

const info = (...lines: string[]) => ["# Server", ...lines, "os:Linux", ""].join("\r\n");

test.each([
  [["redis_version:7.0.15", "redis_git_sha1:00000000"], { name: "Redis", version: "7.0.15", isFit: true }],
  [["redis_version:10.1.0"], { name: "Redis", version: "10.1.0", isFit: true }],
  [["redis_version:6.2.14"], { name: "Redis", version: "6.2.14", isFit: false }],
  [
    ["redis_version:7.2.4", "server_name:valkey", "valkey_version:8.1.0"],
    { name: "Valkey", version: "8.1.0", isFit: true },
  ],
])("%j", (lines, found) => expect(readServerVersion(info(...lines))).toEqual(found));

test.each(["", "garbage", info("uptime:1")])("what says nothing is not judged: %j", (text) => {
  expect(readServerVersion(text)).toBeNull();
});
