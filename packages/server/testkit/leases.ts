/**
 * The contract of `log/leases.ts` as tests, with two instances on one store:
 *
 *     testLeases("PostgreSQL", makeLeaseHome);
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { EventLog } from "../src/log/event-log.ts";
import { type Fence, LeaseLost, type Leases } from "../src/log/leases.ts";
import type { PaymentStore } from "../src/log/store.ts";
import { seededRandom } from "./seeded-random.ts";
import { change, creation, outcomes, recordsIn, samplePayment, unattributedTransfer } from "./storing/samples.ts";
import { until } from "./until.ts";

/** One process on the store. */
export interface LeaseStore {
  leases: Leases;
  log: EventLog;
  payments: PaymentStore;
  close(): Promise<void>;
}

export interface LeaseHome {
  open(): Promise<LeaseStore>;
  /** Lets the lease's time be over at once. */
  expire(lease: string): Promise<void>;
  /** After everything was closed. */
  remove(): Promise<void>;
}

const LONG_MS = 3_600_000;
const LEASE = "lease";

export function testLeases(name: string, make: () => Promise<LeaseHome>): void {
  describe(`${name}: the contract of leases`, () => {
    let home: LeaseHome;
    let one: LeaseStore;
    let two: LeaseStore;
    beforeEach(async () => {
      home = await make();
      [one, two] = await Promise.all([home.open(), home.open()]);
    });
    afterEach(async () => {
      await Promise.all([one.close(), two.close()]);
      await home.remove();
    });

    async function taken(store: LeaseStore, holder: string, lease = LEASE): Promise<Fence> {
      const fence = await store.leases.acquire(lease, holder, LONG_MS);
      if (!fence) throw new Error(`${holder} did not get ${lease}.`);
      return fence;
    }

    test("what is free is had by one; another gets it when it was released, or has expired", async () => {
      const first = await taken(one, "a");
      expect(first.lease).toBe(LEASE);
      expect(await two.leases.acquire(LEASE, "b", LONG_MS)).toBeNull();
      expect((await taken(two, "b", "another lease")).token).toBeGreaterThan(0);
      await one.leases.release(first);
      const second = await taken(two, "b");
      expect(await one.leases.acquire(LEASE, "a", LONG_MS)).toBeNull();
      await home.expire(LEASE);
      const third = await taken(one, "a");
      expect([...new Set([first, second, third].map(({ token }) => token))].sort((a, b) => a - b)).toEqual([
        first.token,
        second.token,
        third.token,
      ]);
    });

    test("it expires by itself, and not before it was last renewed for", async () => {
      const fence = (await one.leases.acquire(LEASE, "a", 300)) as Fence;
      expect(await one.leases.renew(fence, LONG_MS)).toBe(true);
      expect(await two.leases.acquire(LEASE, "b", 50)).toBeNull();
      expect(await one.leases.renew(fence, 50)).toBe(true);
      const next = await until("it has expired", () => two.leases.acquire(LEASE, "b", LONG_MS));
      expect(next.token).toBeGreaterThan(fence.token);
    });

    test("one that has expired can be renewed until somebody takes it", async () => {
      const fence = await taken(one, "a");
      await home.expire(LEASE);
      expect(await one.leases.renew(fence, LONG_MS)).toBe(true);
      expect(await two.leases.acquire(LEASE, "b", LONG_MS)).toBeNull();
      await home.expire(LEASE);
      const next = await taken(two, "b");
      expect(await one.leases.renew(fence, LONG_MS)).toBe(false);
      expect(await two.leases.renew(next, LONG_MS)).toBe(true);
    });

    test("what was released can neither be renewed nor released again", async () => {
      const fence = await taken(one, "a");
      await one.leases.release(fence);
      expect(await one.leases.renew(fence, LONG_MS)).toBe(false);
      const next = await taken(two, "b");
      await one.leases.release(fence);
      expect(await two.leases.renew(next, LONG_MS)).toBe(true);
    });

    test("who holds it and asks again gets it anew; the fence from before is worth nothing", async () => {
      const before = await taken(one, "a");
      const after = await taken(one, "a");
      expect(after.token).toBeGreaterThan(before.token);
      expect(await one.leases.renew(before, LONG_MS)).toBe(false);
      await one.leases.release(before);
      expect(await one.leases.renew(after, LONG_MS)).toBe(true);
    });

    test("of many who ask at once one gets it", async () => {
      const asked = Array.from({ length: 20 }, (_, nth) =>
        (nth % 2 ? one : two).leases.acquire(LEASE, `holder ${nth}`, LONG_MS),
      );
      expect((await Promise.all(asked)).filter((fence) => fence !== null)).toHaveLength(1);
    });

    test("the others are told when it was released", async () => {
      let told = 0;
      two.leases.onReleased(() => {
        told += 1;
      });
      // Until it listens, hints may be lost.
      await until("it was told", async () => {
        await one.leases.release(await taken(one, "a"));
        return told > 0;
      });
    });

    const seed = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 2 ** 31));
    test(`in any order of steps the newest token has one holder, and tokens rise (FAULT_SEED=${seed})`, async () => {
      const random = seededRandom(seed);
      const among = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
      const stores = [one, two];
      /** What the contract says: who holds it, with which token, and whether its time is over. */
      let held: { holder: string; token: number } | null = null;
      let isExpired = false;
      let newest = 0;
      const fences: Fence[] = [];
      for (let step = 0; step < 400; step += 1) {
        const { leases } = among(stores);
        const kind = random();
        const old = among(fences) as Fence | undefined;
        const isGood = old !== undefined && held?.token === old.token;
        if (kind < 0.4 || !old) {
          const holder = among(["a", "b", "c"]);
          const fence = await leases.acquire(LEASE, holder, LONG_MS);
          expect(fence !== null, `step ${step}`).toBe(held === null || isExpired || held.holder === holder);
          if (!fence) continue;
          expect(fence.token).toBeGreaterThan(newest);
          newest = fence.token;
          held = { holder, token: fence.token };
          isExpired = false;
          fences.push(fence);
        } else if (kind < 0.7) {
          expect(await leases.renew(old, LONG_MS), `step ${step}`).toBe(isGood);
          if (isGood) isExpired = false;
        } else if (kind < 0.85) {
          await leases.release(old);
          if (isGood) held = null;
        } else {
          await home.expire(LEASE);
          isExpired = true;
        }
      }
    });

    test(`holders that race for a lease that runs out all the time never hold one token twice (FAULT_SEED=${seed})`, async () => {
      const random = seededRandom(seed);
      const tokens: number[] = [];
      /** The newest token that was answered to anybody. */
      let newest = 0;
      const race = async (holder: string, { leases }: LeaseStore) => {
        for (let turn = 0; turn < 25; turn += 1) {
          const fence = await leases.acquire(LEASE, holder, random() * 30);
          if (!fence) continue;
          tokens.push(fence.token);
          newest = Math.max(newest, fence.token);
          while (random() < 0.7) {
            const isLost = newest > fence.token;
            const isRenewed = await leases.renew(fence, random() * 30);
            if (isRenewed) expect(isLost, `${fence.token} was renewed after ${newest}`).toBe(false);
            else break;
          }
          if (random() < 0.5) await leases.release(fence);
        }
      };
      await Promise.all(["a", "b", "c", "d", "e", "f"].map((holder, nth) => race(holder, nth % 2 ? one : two)));
      expect(tokens.length).toBeGreaterThan(6);
      expect(new Set(tokens).size).toBe(tokens.length);
    });

    describe("writing under a lease", () => {
      const progress = { chain: "sandbox", cursor: { at: 2 }, headHeight: 2, watchedUntilMs: 2 };

      test("its holder writes, also when its time is over; who lost it, or never had it, stores nothing", async () => {
        const old = await taken(one, "a");
        const first = creation(samplePayment());
        recordsIn(await one.log.append([first], progress, old));
        await home.expire(LEASE);
        recordsIn(await one.log.append([change(first.payment)], null, old));
        const next = await taken(two, "b");
        const before = await one.log.head();
        const never = { lease: "never held", token: next.token };
        for (const fence of [old, never, { ...next, token: next.token + 1 }, { ...old, lease: "another" }]) {
          for (const commands of [[creation(samplePayment())], [unattributedTransfer("merchant", "t")], []]) {
            const later = { ...progress, cursor: { at: 3 } };
            await expect(one.log.append(commands, later, fence)).rejects.toBeInstanceOf(LeaseLost);
          }
        }
        expect(await one.log.head()).toBe(before);
        expect(await one.payments.progress("sandbox")).toEqual(progress);
        recordsIn(
          await two.log.append([change(change(first.payment).payment)], { ...progress, cursor: { at: 4 } }, next),
        );
        expect((await one.payments.progress("sandbox"))?.cursor).toEqual({ at: 4 });
        await two.leases.release(next);
        await expect(two.log.append([creation(samplePayment())], null, next)).rejects.toBeInstanceOf(LeaseLost);
      });

      test("what is refused is refused alone: the others of its commit are stored, but for what rests on it", async () => {
        const old = await taken(one, "a");
        await home.expire(LEASE);
        const next = await taken(two, "b");
        const other = await taken(one, "a", "another lease");
        const [mine, theirs] = [creation(samplePayment()), creation(samplePayment())];
        recordsIn(await one.log.append([mine, theirs]));
        const lost = change(mine.payment);
        const appended = await one.log.appendTogether([
          { commands: [change(theirs.payment)], progress: null },
          { commands: [lost], progress, fence: old },
          { commands: [change(lost.payment)], progress: null },
          { commands: [creation(samplePayment())], progress: null, fence: next },
          { commands: [creation(samplePayment())], progress: null, fence: other },
        ]);
        const said = appended.map((call) => (call.status === "fulfilled" ? outcomes(call.value) : call.reason));
        expect(said).toEqual([["ok"], expect.any(LeaseLost), ["conflict"], ["ok"], ["ok"]]);
        expect((await one.payments.snapshot(mine.payment.id))?.state.payment).toEqual(mine.payment);
        expect(await one.payments.progress("sandbox")).toBeNull();
      });

      test(`while the lease goes from hand to hand, no token's write comes behind that of a later one (FAULT_SEED=${seed})`, async () => {
        const random = seededRandom(seed);
        let isOver = false;
        const stored: number[] = [];
        const lead = async (holder: string, store: LeaseStore) => {
          let fence: Fence | null = null;
          while (!isOver) {
            fence = (await store.leases.acquire(LEASE, holder, 5 + random() * 20)) ?? fence;
            if (!fence) continue;
            // Written with whatever fence there was last, lost or not.
            for (let nth = 0; nth < 3; nth += 1) {
              const payment = samplePayment({ updatedAtMs: fence.token });
              const [result] = await store.log.append([creation(payment)], null, fence).catch((error: unknown) => {
                if (error instanceof LeaseLost) return [];
                throw error;
              });
              if (result?.ok) stored.push(fence.token);
            }
          }
        };
        const leading = ["a", "b", "c", "d"].map((holder, nth) => lead(holder, nth % 2 ? one : two));
        await until("the lease was had often", () => new Set(stored).size >= 30);
        isOver = true;
        await Promise.all(leading);
        const { records } = await one.log.readAfter(0, { limit: 100_000 });
        const tokens = records.map(({ atMs }) => atMs);
        expect(tokens.length).toBe(stored.length);
        expect(tokens).toEqual([...tokens].sort((a, b) => a - b));
      });
    });
  });
}
