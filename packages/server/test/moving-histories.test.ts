/**
 * A shop with a random past moves, and goes on: SQLite → PostgreSQL → PostgreSQL → SQLite → SQLite, with the server running
 * and trading in between. Each export of what was imported is the one that was imported, and at each place the books
 * balance from the first record on. FAULT_SEED repeats a run.
 */
import { randomUUID } from "node:crypto";
import type { MerchantPayment, PaymentEvent } from "@paybell/protocol";
import { expect, test } from "vitest";
import { MOVED } from "../src/storage/moving/tables.ts";
import { Api, ApiError } from "../testkit/clients/api.ts";
import { contentsOf, exported, imported, type Place, postgresPlace, sqlitePlace } from "../testkit/moving.ts";
import { usePostgres } from "../testkit/postgres.ts";
import { audit, RandomTrade } from "../testkit/random-trade.ts";
import { seededRandom } from "../testkit/seeded-random.ts";
import { ServerProcess } from "../testkit/server-process.ts";
import { fill } from "../testkit/storing/full-store.ts";
import { until } from "../testkit/until.ts";

const SEED = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
const STEPS = 40;
const server = usePostgres();

/** What one place leaves to the next in the middle of its way. */
interface Left {
  pending: MerchantPayment;
  inMempool: MerchantPayment;
  confirming: MerchantPayment;
  key: string;
}

const status = async (api: Api, { id }: MerchantPayment) => (await api.payment(id)).status;

async function leave(api: Api): Promise<Left> {
  const key = randomUUID();
  const confirming = await api.createPayment();
  await api.pay(confirming.id);
  await api.mine(1);
  const inMempool = await api.createPayment();
  await api.pay(inMempool.id);
  const pending = await api.createPayment({}, key);
  return { pending, inMempool, confirming, key };
}

/** What was on its way arrives, and what was asked before is answered as before. */
async function takeUp(api: Api, { pending, inMempool, confirming, key }: Left): Promise<void> {
  expect(await api.createPayment({}, key)).toEqual(pending);
  expect(await status(api, pending)).toBe("pending");
  await api.mine(1);
  await until("two confirmations", async () => (await status(api, confirming)) === "paid");
  await api.pay(pending.id);
  await api.mine(6);
  for (const payment of [pending, inMempool, confirming]) {
    await until("it is final", async () => (await status(api, payment)) === "final");
  }
}

/** An address that was given before is never given again. */
async function expectNewAddress(api: Api, log: readonly PaymentEvent[]): Promise<void> {
  const { address } = await api.createPayment();
  const given = await Promise.all(
    [...new Set(log.map(({ paymentId }) => paymentId))].map(async (id) => {
      if (id === null) return null;
      return api.payment(id).then(
        (payment) => payment.address,
        (error) => {
          if (error instanceof ApiError && error.code === "not_found") return null;
          throw error;
        },
      );
    }),
  );
  expect(given).not.toContain(address);
}

const withoutPosition = ({ position: _, ...event }: PaymentEvent) => event;

test(`a random past of a shop moves through all four directions and goes on (seed ${SEED})`, async () => {
  const trade = new RandomTrade(seededRandom(SEED));
  const places: Place[] = [];
  const nextPlace = async (store: Place["store"]) => {
    places.push(store === "sqlite" ? await sqlitePlace() : await postgresPlace(server()));
    return places.at(-1) as Place;
  };
  let here = await nextPlace("sqlite");
  const rest = await here.open();
  await fill(rest, "another-shop");
  await rest.close();
  let left: Left | null = null;
  let past: PaymentEvent[] = [];
  for (const onwards of ["postgres", "postgres", "sqlite", "sqlite", null] as const) {
    const running = await ServerProcess.start({ env: here.environment });
    const api = new Api(running.url);
    if (left) await takeUp(api, left);
    else await trade.open(api);
    await trade.steps(api, STEPS);
    const log = await audit(api, trade);
    expect(log.slice(0, past.length).map(withoutPosition)).toEqual(past.map(withoutPosition));
    await expectNewAddress(api, log);
    left = await leave(api);
    past = await api.allEvents();
    expect((await running.stop()).code).toBe(0);
    await running.dispose();
    if (onwards === null) break;
    const file = await exported(here);
    const before = contentsOf(file);
    expect(MOVED.filter(({ name }) => before.tables[name] === 0)).toEqual([]);
    here = await nextPlace(onwards);
    await imported(here, file);
    const after = contentsOf(await exported(here));
    expect({ ...after, epoch: "" }).toEqual({ ...before, epoch: "" });
    expect(after.epoch).not.toBe(before.epoch);
  }
  for (const place of places) await place.remove();
}, 600_000);
