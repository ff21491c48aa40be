import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withoutPaybell } from "../../testkit/environment.ts";
import { ServerProcess } from "../../testkit/server-process.ts";
import { until } from "../../testkit/until.ts";

const sh = promisify(execFile);

describe("paybell start", () => {
  let server: ServerProcess;

  beforeAll(async () => {
    server = await ServerProcess.start();
    await until("the start screen", () => server.output.includes("Events appear below"));
  });
  afterAll(() => server.dispose());

  it("shows commands that work as they are written, and then the events that they cause", async () => {
    const commands = server.output
      .split("\n")
      .filter((line) => line.includes("curl"))
      .map((line) => line.trim());
    expect(commands).toHaveLength(3);
    const { stdout } = await sh("sh", ["-c", commands.join("\n")]);
    const [id, paid, mined] = stdout.trim().split("\n") as [string, string, string];
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.parse(paid)).toHaveProperty("txId");
    expect(JSON.parse(mined)).toHaveProperty("height");
    await until("payment.paid in the tail", () => server.output.includes("payment.paid"));
    const line = server.output.split("\n").find((text) => text.includes("payment.paid"));
    expect(line).toMatch(new RegExp(`${id.slice(0, 8)} +1\\.5 SBX +paid +2/2`));
  });

  it("refuses a second server on the same data, in words and without a stack", async () => {
    const second = ServerProcess.start({ dataDir: server.dataDir, readyTimeoutMs: 15_000 });
    await expect(second).rejects.toThrow(/exit code 1[\s\S]*Another Paybell server/);
    await expect(second).rejects.not.toThrow(/\n {4}at /);
  });

  it("stops in order at SIGTERM", async () => {
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(server.output).toContain("Stopping");
  });
});

it("says nothing but what it logs with --quiet", async () => {
  const server = await ServerProcess.start({ args: ["--quiet"], env: { PAYBELL_LOG_LEVEL: "info" } });
  await server.stop();
  expect(server.output).toContain('"msg":"listening"');
  for (const line of server.output.trim().split("\n")) expect(() => JSON.parse(line)).not.toThrow();
  await server.dispose();
});

it("ends at a signal while it starts, by itself: the first process of a container is not ended by the system", async () => {
  // A database that takes connections and says nothing.
  const silent = createServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
  const url = `postgres://somebody@127.0.0.1:${(silent.address() as AddressInfo).port}/shop`;
  const cli = fileURLToPath(new URL("../../src/cli/paybell.ts", import.meta.url));
  const starting = spawn(process.execPath, ["--conditions=@paybell/source", cli, "start"], {
    env: { ...withoutPaybell(), PAYBELL_DATABASE_URL: url },
    stdio: "ignore",
  });
  try {
    await once(silent, "connection");
    starting.kill("SIGTERM");
    expect(await once(starting, "exit")).toEqual([143, null]);
  } finally {
    starting.kill("SIGKILL");
    silent.close();
  }
});
