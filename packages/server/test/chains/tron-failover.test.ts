/** Several TRON providers: what one of them does not do costs no payment. */
import { afterEach, beforeEach, expect, it } from "vitest";
import type { HttpInterface } from "../../testkit/tron/http-interface.ts";
import { type TronUnderTest, tronBench } from "../../testkit/tron-harness.ts";
import { until } from "../../testkit/until.ts";
import type { Bench } from "../../testkit/watching/bench.ts";
import { PRICE } from "../../testkit/watching/payment-under-test.ts";

let bench: Bench;
let chain: TronUnderTest;
let second: HttpInterface;

beforeEach(async () => {
  ({ bench, chain } = await tronBench());
  second = await chain.node.another();
  await bench.stopWatcher();
  chain.spares.push(second.url);
  await bench.startWatcher();
});
afterEach(() => bench.close());

const questionsTo = (http: HttpInterface) => [...http.calls.values()].reduce((sum, count) => sum + count, 0);

it.each([
  [
    "asks to be left alone for an hour (429)",
    (http: HttpInterface) => Object.assign(http, { retryAfterSeconds: 3_600 }),
  ],
  ["hangs", (http: HttpInterface) => Object.assign(http, { hanging: true })],
  ["speaks of another chain", (http: HttpInterface) => Object.assign(http, { tamper: () => ({ hello: "world" }) })],
  [
    "has none of the paths",
    (http: HttpInterface) => http.missing.add("walletsolidity/getblock").add("walletsolidity/getnowblock"),
  ],
])("a provider that %s is left for the next", { timeout: 30_000 }, async (_, breakDown) => {
  const payment = await bench.payment({ confirmations: 21 });
  breakDown(chain.node.http);
  await payment.receives(PRICE, ["payment.confirming"]);
  await chain.mine(20);
  await payment.tellsUntil("payment.paid");
  expect(questionsTo(second)).toBeGreaterThan(0);
  expect((await payment.atTheEnd()).status).toBe("paid");
});

it("a provider that does not fit what was signed is left for the next, and nothing of it is credited", async () => {
  const payment = await bench.payment({ confirmations: 21 });
  chain.node.http.tamper = (_, answer) =>
    JSON.parse(JSON.stringify(answer).replaceAll(/"txID":"\w{8}/g, '"txID":"deadbeef'));
  const txId = await payment.receives(PRICE, ["payment.confirming"]);
  expect((await payment.view()).transfers).toMatchObject([{ txId }]);
});

it("when none answers it is shown why, and nothing is missed", async () => {
  const payment = await bench.payment({ confirmations: 21 });
  for (const http of [chain.node.http, second]) await http.close();
  await until("the trouble to be noticed", () => bench.watcher.status().problem !== null);
  expect(bench.watcher.status().connected).toBe(false);
  await payment.pay();
  await chain.mine(30);
  await second.listen();
  await payment.tellsUntil("payment.finalized");
});
