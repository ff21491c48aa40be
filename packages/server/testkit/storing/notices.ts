/** `onAppended`, and what happens when more comes than the disk can take. */
import { describe, expect, test } from "vitest";
import { LogOverloaded, type LogRecord } from "../../src/log/event-log.ts";
import { type MakeHome, openForAll } from "./home.ts";
import { change, creation, recordsIn, samplePayment } from "./samples.ts";

export function testNotices(make: MakeHome): void {
  describe("notices", () => {
    const store = openForAll(make);

    test("listeners hear the records of each commit once, in order, after the commit and before the callers", async () => {
      const { log } = store();
      const before = await log.head();
      const heard: LogRecord[][] = [];
      const end = log.onAppended((records) => heard.push([...records]));
      const answers = Array.from({ length: 20 }, async () => {
        const records = recordsIn(await log.append([creation(samplePayment()), creation(samplePayment())]));
        const known = heard.flat().map(({ offset }) => offset);
        expect(known).toEqual(expect.arrayContaining(records.map(({ offset }) => offset)));
      });
      await Promise.all(answers);
      end();
      expect(heard.flat()).toEqual((await log.readAfter(before, { limit: 100 })).records);
      expect(heard.length).toBeLessThan(20);
      expect(heard.every((records) => records.length > 0)).toBe(true);
    });

    test("nobody hears of what was refused, and nobody hears after he has left", async () => {
      const { log } = store();
      const payment = samplePayment();
      await log.append([creation(payment)]);
      const heard: (readonly LogRecord[])[] = [];
      const end = log.onAppended((records) => heard.push(records));
      await log.append([creation(payment)]);
      await log.append([], { chain: "moon", cursor: 1, headHeight: 1, watchedUntilMs: 1 });
      expect(heard).toEqual([]);
      end();
      await log.append([change(payment)]);
      expect(heard).toEqual([]);
    });
  });

  describe("overload", () => {
    const pendingCommands = 4;
    const store = openForAll(make, { pendingCommands });

    test("beyond pendingCommands nothing is written, and the others are", async () => {
      const { log } = store();
      const payments = Array.from({ length: 10 }, () => samplePayment());
      const settled = await Promise.allSettled(payments.map((payment) => log.append([creation(payment)])));
      const refused = settled.filter((result) => result.status === "rejected");
      expect(refused).toHaveLength(payments.length - pendingCommands);
      expect(refused.every((result) => result.reason instanceof LogOverloaded)).toBe(true);
      const stored = (await log.readAfter(0, { limit: 100 })).records.map(({ paymentId }) => paymentId);
      expect(stored).toEqual(payments.slice(0, pendingCommands).map(({ id }) => id));
    });

    test("at the edge: exactly pendingCommands are taken, and again after they are stored", async () => {
      const { log } = store();
      for (let round = 0; round < 2; round += 1) {
        const group = Array.from({ length: pendingCommands }, () => creation(samplePayment()));
        expect(recordsIn(await log.append(group))).toHaveLength(pendingCommands);
      }
    });

    test("a call that is larger by itself is taken when nothing waits: it could never be stored else", async () => {
      const { log } = store();
      const group = Array.from({ length: pendingCommands + 1 }, () => creation(samplePayment()));
      expect(recordsIn(await log.append(group))).toHaveLength(pendingCommands + 1);
    });
  });
}
