/** Appends that stand in one commit and may rest on each other. */
import { describe, expect, test } from "vitest";
import type { AppendCall, AppendCommand } from "../../src/log/event-log.ts";
import { type MakeHome, openForAll } from "./home.ts";
import { change, creation, outcomes, recordsIn, samplePayment, sampleTransfer } from "./samples.ts";

const call = (...commands: AppendCommand[]): AppendCall => ({ commands, progress: null });

export function testTogether(make: MakeHome): void {
  describe("appending together", () => {
    const store = openForAll(make);

    test("a later call may rest on an earlier one; their records are in the order of the calls", async () => {
      const { log } = store();
      const first = creation(samplePayment());
      const second = change(first.payment);
      const third = change(second.payment);
      const before = await log.head();
      const appended = await log.appendTogether([call(first), call(creation(samplePayment()), second), call(third)]);
      expect(appended.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "fulfilled"]);
      const { records } = await log.readAfter(before, { limit: 10 });
      const ofFirst = records.filter(({ paymentId }) => paymentId === first.payment.id);
      expect(records).toHaveLength(4);
      expect(ofFirst.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    });

    test("what rests on a command that was refused is refused, even where the sequence happens to fit", async () => {
      const { log, payments } = store();
      const [mine, owner, other] = [samplePayment(), samplePayment(), samplePayment()];
      const transfer = sampleTransfer(owner);
      recordsIn(await log.append([creation(mine), creation(owner, { transfers: [transfer] }), creation(other)]));
      const refused = change(mine, {}, { transfers: [transfer] });
      const fits = change(mine, { confirmations: 1 });
      const appended = await log.appendTogether([call(refused), call(fits, change(other)), call(change(owner))]);
      const results = appended.map((one) => (one.status === "fulfilled" ? outcomes(one.value) : one.status));
      expect(results).toEqual([["transfer_credited"], ["conflict", "ok"], ["ok"]]);
      expect((await payments.snapshot(mine.id))?.state.payment).toEqual(mine);
      expect(outcomes(await log.append([fits]))).toEqual(["ok"]);
    });

    test("a call that fails rejects alone, with all of its own; what rests on it is refused", async () => {
      const { log, payments } = store();
      const [broken, good, aside] = [samplePayment(), samplePayment(), samplePayment()];
      recordsIn(await log.append([creation(broken), creation(good)]));
      const before = await log.head();
      const gap = change(broken);
      const impossible = { ...gap, events: [...gap.events, ...gap.events] };
      const appended = await log.appendTogether([
        call(creation(aside), impossible),
        call(change(good)),
        call(change(broken)),
      ]);
      expect(appended.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
      const later = appended.slice(1).map((one) => (one.status === "fulfilled" ? outcomes(one.value) : []));
      expect(later).toEqual([["ok"], ["conflict"]]);
      expect(await payments.snapshot(aside.id)).toBeNull();
      expect(await log.head()).toBe(before + 1);
    });

    test("progress is stored with its own call, whatever becomes of the others", async () => {
      const { log, payments } = store();
      const progress = (chain: string) => ({ chain, cursor: { at: 1 }, headHeight: 1, watchedUntilMs: 1 });
      const unknown = change(samplePayment());
      await log.appendTogether([
        { commands: [unknown], progress: progress("refused") },
        { commands: [creation(samplePayment())], progress: progress("stored") },
        { commands: [], progress: progress("alone") },
      ]);
      expect(await payments.progress("refused")).toBeNull();
      expect(await payments.progress("stored")).toEqual(progress("stored"));
      expect(await payments.progress("alone")).toEqual(progress("alone"));
    });

    test("all or none: where one command is refused, nothing of its call is stored", async () => {
      const { log, payments } = store();
      const [one, two, aside] = [samplePayment(), samplePayment(), samplePayment()];
      recordsIn(await log.append([creation(one), creation(two), creation(aside)]));
      const progress = { chain: "whole", cursor: {}, headHeight: 1, watchedUntilMs: 1 };
      const stale = change(change(two).payment);
      const whole = { commands: [change(one), stale], progress, allOrNone: true };
      const rests = call(change(change(one).payment), change(aside));
      const appended = await log.appendTogether([whole, rests]);
      const results = appended.map((result) => (result.status === "fulfilled" ? outcomes(result.value) : []));
      expect(results).toEqual([
        ["conflict", "conflict"],
        ["conflict", "ok"],
      ]);
      expect((await payments.snapshot(one.id))?.state.payment).toEqual(one);
      expect(await payments.progress("whole")).toBeNull();
      const [again] = await log.appendTogether([{ ...whole, commands: [change(one), change(two)] }]);
      expect(again).toMatchObject({ status: "fulfilled", value: [{ ok: true }, { ok: true }] });
      expect(await payments.progress("whole")).toEqual(progress);
    });

    test("a transfer that was taken to be unknown, and is not, refuses the command", async () => {
      const { log, payments } = store();
      const [mine, owner, free] = [samplePayment(), samplePayment(), samplePayment()];
      const [known, foreign, unknown] = [sampleTransfer(mine), sampleTransfer(owner), sampleTransfer(free)];
      const created = [creation(mine, { transfers: [known] }), creation(owner, { transfers: [foreign] })];
      recordsIn(await log.append([...created, creation(free)]));
      const taken = (payment: typeof mine, ...newTransfers: (typeof known)[]) => ({ ...change(payment), newTransfers });
      const changed = { ...known, status: "dropped" as const };
      const results = await log.append([
        taken(mine, sampleTransfer(mine), changed),
        taken(owner, known),
        taken(free, unknown),
      ]);
      expect(outcomes(results)).toEqual(["conflict", "transfer_credited", "ok"]);
      expect((await payments.snapshot(mine.id))?.state).toEqual({ payment: mine, transfers: [known] });
      expect((await payments.snapshot(free.id))?.state.transfers).toEqual([unknown]);
    });

    test("nothing to append is nothing stored", async () => {
      const { log } = store();
      const before = await log.head();
      expect(await log.appendTogether([call(), call()])).toEqual([
        { status: "fulfilled", value: [] },
        { status: "fulfilled", value: [] },
      ]);
      expect(await log.head()).toBe(before);
    });
  });
}
