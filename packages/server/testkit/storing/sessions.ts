/** What clients have joined: remembered for a while, in a bounded number, also after a restart. */
import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { ClientSession } from "../../src/log/store.ts";
import { topics } from "../../src/log/topic.ts";
import type { MakeHome } from "./home.ts";

const session = (seenAtMs: number, changed: Partial<ClientSession> = {}): ClientSession => ({
  id: randomUUID(),
  merchantId: "merchant",
  joined: [{ topic: topics.customer("merchant", "user"), joinedAt: 7 }],
  seenAtMs,
  ...changed,
});

export function testSessions(make: MakeHome): void {
  describe("sessions of clients", () => {
    test("the newest of what a session has joined is found, until it is too old", async () => {
      const home = await make();
      const { sessions, close } = await home.open();
      const first = session(10);
      await sessions.keepSession(first, 100);
      expect(await sessions.session(first.id, 10)).toEqual(first);
      expect(await sessions.session(first.id, 11)).toBeNull();
      expect(await sessions.session(randomUUID(), 0)).toBeNull();
      const joined = [...first.joined, { topic: topics.stock("merchant"), joinedAt: 9 }];
      await sessions.keepSession({ ...first, joined, seenAtMs: 20 }, 100);
      expect(await sessions.session(first.id, 11)).toEqual({ ...first, joined, seenAtMs: 20 });
      await close();
      await home.remove();
    });

    test("only so many are kept: those that were not seen for the longest go", async () => {
      const home = await make();
      const { sessions, close } = await home.open();
      const [a, b, c] = [session(1), session(2), session(3)];
      for (const each of [a, b]) await sessions.keepSession(each, 2);
      await sessions.keepSession({ ...a, seenAtMs: 3 }, 2);
      await sessions.keepSession(c, 2);
      const found = await Promise.all([a, b, c].map(({ id }) => sessions.session(id, 0)));
      expect(found.map((each) => each?.seenAtMs ?? null)).toEqual([3, null, 3]);
      await close();
      await home.remove();
    });

    test("old ones are deleted, the oldest first, a few at a time", async () => {
      const home = await make();
      const { sessions, close } = await home.open();
      const all = [30, 10, 20, 40].map((seenAtMs) => session(seenAtMs));
      for (const each of all) await sessions.keepSession(each, 100);
      expect(await sessions.deleteOld(40, 2)).toBe(2);
      const left = async () => {
        const found = await Promise.all(all.map(({ id }) => sessions.session(id, 0)));
        return found.flatMap((each) => (each ? [each.seenAtMs] : []));
      };
      expect(await left()).toEqual([30, 40]);
      expect([await sessions.deleteOld(40, 2), await sessions.deleteOld(40, 2)]).toEqual([1, 0]);
      expect(await left()).toEqual([40]);
      await close();
      await home.remove();
    });

    test("a session is there after a restart", async () => {
      const home = await make();
      const before = await home.open();
      const kept = session(1);
      await before.sessions.keepSession(kept, 100);
      await before.close();
      const after = await home.open();
      expect(await after.sessions.session(kept.id, 0)).toEqual(kept);
      await after.close();
      await home.remove();
    });
  });
}
