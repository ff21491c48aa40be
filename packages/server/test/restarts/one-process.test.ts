/**
 * One server on SQLite is restarted by SIGTERM again and again, with clients of every wire connected and payments under
 * way. Each comes back by itself; promise 3 holds for each.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { Api } from "../../testkit/clients/api.ts";
import { RestartCast } from "../../testkit/restart-cast.ts";
import { RestartTill } from "../../testkit/restart-till.ts";
import { ServerProcess } from "../../testkit/server-process.ts";

const KEY = "sk_sandbox_paybell";
const PUSHER = { pusherVersions: ["newest"], patientPusher: false };
const RESTARTS = 2;
const PAYMENTS = 60;

let server: ServerProcess;
beforeAll(async () => {
  server = await ServerProcess.start({ readyTimeoutMs: 120_000, stopTimeoutMs: 60_000 });
}, 150_000);
afterAll(() => server?.dispose());

test(`${RESTARTS} restarts within ${PAYMENTS} payments: every client comes back and has missed nothing`, {
  timeout: 400_000,
}, async () => {
  const till = new RestartTill(new Api(server.url), PAYMENTS);
  const { customers, references } = till;
  const after = await till.start();
  const cast = new RestartCast(server, { key: KEY, after, customers, references, ...PUSHER });
  try {
    await cast.connected();
    const finished = till.run();
    for (let restart = 1; restart <= RESTARTS; restart += 1) {
      await till.made((restart * PAYMENTS) / (RESTARTS + 1));
      const followed = await till.create();
      cast.follow(followed);
      await cast.connected();
      expect(await server.stop()).toEqual({ code: 0, signal: null });
      await server.restart();
      await till.settle(followed);
    }
    await finished;
    await till.finish();
    await cast.expectHeard(await till.log());
  } finally {
    await cast.stop();
  }
});
