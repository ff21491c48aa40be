/** The harness of the crash tests does to the real server what it says. */
import { existsSync } from "node:fs";
import { afterEach, expect, it } from "vitest";
import { Api } from "../../testkit/clients/api.ts";
import { ServerProcess } from "../../testkit/server-process.ts";

let server: ServerProcess | null = null;
afterEach(async () => {
  await server?.dispose();
  server = null;
});

it("ends the server with SIGKILL and starts it again on the same port and data", async () => {
  server = await ServerProcess.start();
  const { url, pid } = server;
  const { id } = await new Api(url).createPayment();

  expect(await server.kill9()).toEqual({ code: null, signal: "SIGKILL" });
  await expect(fetch(`${url}/readyz`)).rejects.toThrow();
  await server.restart();

  expect(server.url).toBe(url);
  expect(server.pid).not.toBe(pid);
  expect(await new Api(url).payment(id)).toMatchObject({ id });
});

it("stops the server with SIGTERM, and the server ends well", async () => {
  server = await ServerProcess.start();
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

it("says what the server said when it does not start", async () => {
  await expect(ServerProcess.start({ env: { PAYBELL_LOG_LEVEL: "loud" } })).rejects.toThrow(/loud/);
});

it("leaves no data behind", async () => {
  server = await ServerProcess.start();
  await server.dispose();
  expect(existsSync(server.dataDir)).toBe(false);
});
