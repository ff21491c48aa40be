/** Killed in the middle of a storm of orders and payments, the shop has lost no unit and given none twice. */
import { rm } from "node:fs/promises";
import { expect, test } from "vitest";
import type { LogRecord } from "../../src/log/event-log.ts";
import { seededRandom } from "../../testkit/seeded-random.ts";
import { ShopFloor } from "../../testkit/shop-floor.ts";
import type { Answered } from "../../testkit/shop-storm.ts";
import { temporaryDir } from "../../testkit/sqlite-home.ts";
import { startSqliteProcess } from "../../testkit/sqlite-process.ts";

const ROUNDS = 4;
const SEED = 20_260_402;

function expectAnswered(answered: readonly Answered[], records: readonly LogRecord[]): void {
  const stored = new Map(
    records.map((record) => [`${record.paymentId} ${record.sequence}`, record.data.payment?.stock]),
  );
  for (const { orderId, sequence, stock } of answered) expect(stored.get(`${orderId} ${sequence}`)).toBe(stock);
}

test("whenever the process is killed, every unit is accounted for, and what was answered is there", async () => {
  const dataDir = await temporaryDir();
  const random = seededRandom(SEED);
  const answered: Answered[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const victim = startSqliteProcess(dataDir, "shop");
    await victim.printed(50 + Math.floor(random() * 400));
    await victim.kill9();
    answered.push(...victim.lines.filter((line) => line.endsWith("}")).map((line) => JSON.parse(line)));

    const shop = await ShopFloor.open(dataDir, Date.now());
    await shop.recall();
    await shop.audit();
    expectAnswered(answered, await shop.records());
    await shop.close();
  }
  await expectToGoOn(dataDir);
  process.stdout.write(`stock, killed: seed ${SEED}, ${ROUNDS} rounds, ${answered.length} answers\n`);
  expect(new Set(answered.map(({ stock }) => stock))).toContain("taken");
  await rm(dataDir, { recursive: true });
}, 90_000);

/** What was cut off in the middle is carried on as if nothing had happened. */
async function expectToGoOn(dataDir: string): Promise<void> {
  const shop = await ShopFloor.open(dataDir, Date.now());
  await shop.recall();
  const { orders } = await shop.audit();
  const waiting = [...orders].filter(([, { stock }]) => stock === "reserved").map(([id]) => id);
  await Promise.all(waiting.map((id) => shop.pay(id)));
  const books = await shop.audit();
  for (const id of waiting) expect(books.orders.get(id)).toMatchObject({ stock: "taken", status: "completed" });
  for (const { reserved } of books.levels.values()) expect(reserved).toBe(0);
  await shop.close();
}
