/** An erased payment is gone for those who ask; the facts that are not personal stay. */
import { describe, expect, test } from "vitest";
import { topics } from "../../src/log/topic.ts";
import { type MakeHome, openForAll } from "./home.ts";
import { change, creation, recordsIn, samplePayment, sampleTransfer, T0_MS } from "./samples.ts";

export function testErasing(make: MakeHome): void {
  describe("erasing", () => {
    const store = openForAll(make);
    const merchantId = "merchant";
    const ofCustomer = topics.customer(merchantId, "alice@example.com");
    const customer = "alice@example.com";

    test("an erased payment is found by nobody, and its customer's name is in no topic any more", async () => {
      const { log, payments } = store();
      const [erased, kept] = [samplePayment({ customer }), samplePayment({ customer })];
      const named = (id: string) => ({ topics: [topics.payment(id), ofCustomer] });
      recordsIn(await log.append([creation(erased, named(erased.id)), creation(kept, named(kept.id))]));
      const heard: string[] = [];
      const end = log.onAppended((records) => heard.push(...records.flatMap((record) => record.topics)));
      const erasure = change(erased, { customer: null, erasedAtMs: T0_MS }, named(erased.id));
      recordsIn(await log.append([erasure]));
      end();
      expect(heard).toContain(ofCustomer);
      expect(await payments.snapshot(erased.id)).toBeNull();
      expect(await payments.loadForDecision([{ paymentId: erased.id }])).toEqual([null]);
      const listed = (await payments.list({ merchantId, limit: 10 })).payments;
      expect(listed.map(({ payment }) => payment.id)).toEqual([kept.id]);
      const page = await log.readAfter(0, { topics: [ofCustomer], limit: 10 });
      expect(page.records.map(({ paymentId }) => paymentId)).toEqual([kept.id]);
      const { records } = await log.readAfter(0, { limit: 10 });
      const own = records.filter(({ paymentId }) => paymentId === erased.id);
      expect(own.map((record) => record.topics)).toEqual([[topics.payment(erased.id)], [topics.payment(erased.id)]]);
      expect(own.map(({ sequence }) => sequence)).toEqual([1, 2]);
    });

    test("its reference is in no topic any more either; another payment's is", async () => {
      const { log } = store();
      const [erased, kept] = [samplePayment({ reference: "order" }), samplePayment({ reference: "order" })];
      const ofReference = topics.reference(merchantId, "order");
      const named = (id: string) => ({ topics: [topics.payment(id), ofReference] });
      recordsIn(await log.append([creation(erased, named(erased.id)), creation(kept, named(kept.id))]));
      recordsIn(await log.append([change(erased, { reference: null, erasedAtMs: T0_MS }, named(erased.id))]));
      const page = await log.readAfter(0, { topics: [ofReference], limit: 10 });
      expect(page.records.map(({ paymentId }) => paymentId)).toEqual([kept.id]);
    });

    test("every stored answer that shows it is gone; the others stay", async () => {
      const { log, idempotency } = store();
      const [erased, kept] = [samplePayment({ customer }), samplePayment({ customer })];
      const answer = (key: string, paymentIds?: string[]) => ({
        merchantId,
        key,
        requestHash: "hash",
        httpStatus: 200,
        body: customer,
        atMs: T0_MS,
        ...(paymentIds ? { paymentIds } : {}),
      });
      const created = [erased, kept].map((payment, nth) =>
        creation(payment, { idempotency: answer(`written ${nth}`) }),
      );
      recordsIn(await log.append(created));
      const shows = { first: [erased.id, kept.id], second: [kept.id, erased.id], other: [kept.id, kept.id], none: [] };
      for (const [key, ids] of Object.entries(shows)) {
        expect(await idempotency.storeIdempotentAnswer(answer(key, ids))).toBe(true);
      }
      recordsIn(await log.append([change(erased, { customer: null, erasedAtMs: T0_MS })]));
      const left = async (key: string) => (await idempotency.idempotentAnswer(merchantId, key, T0_MS)) !== null;
      const keys = ["written 0", "first", "second", "written 1", "other", "none"];
      expect(await Promise.all(keys.map(left))).toEqual([false, false, false, true, true, true]);
      // Made before the erasure, and stored after it.
      expect(await idempotency.storeIdempotentAnswer(answer("late", [kept.id, erased.id]))).toBe(true);
      expect(await left("late")).toBe(false);
    });

    test("neither a block nor time has anything to say of it, and no watcher follows its transfers", async () => {
      const { log, payments } = store();
      const chain = "erased-things";
      // Of a standing payment a decision has only the transfers that it is about.
      const standing = samplePayment({ chain, amountAtomic: null, deadlineMs: T0_MS + 1 });
      const transfers = [1, 2, 3].map((height) => sampleTransfer(standing, { status: "included", dueHeight: height }));
      const kept = samplePayment({ chain, deadlineMs: T0_MS + 2 });
      const keptTransfer = sampleTransfer(kept, { dueHeight: 2 });
      recordsIn(await log.append([creation(standing, { transfers }), creation(kept, { transfers: [keptTransfer] })]));
      expect(await payments.dueAtHeight(chain, 9)).toHaveLength(4);
      recordsIn(await log.append([change(standing, { erasedAtMs: T0_MS })]));
      expect((await payments.dueAtHeight(chain, 9)).map(({ paymentId }) => paymentId)).toEqual([kept.id]);
      expect(await payments.dueAtTime(chain, T0_MS + 9, 10)).toEqual([kept.id]);
      expect((await payments.openTransfers(chain)).map(({ txId }) => txId)).toEqual([keptTransfer.txId]);
    });

    test("an erased payment holds its address no longer, and money to it goes to no other payment", async () => {
      const { log, payments } = store();
      const older = samplePayment({ status: "cancelled", createdAtMs: T0_MS });
      const { chain, recipient } = older;
      const erased = samplePayment({ recipient, createdAtMs: T0_MS + 1 });
      recordsIn(await log.append([creation(older), creation(erased)]));
      recordsIn(await log.append([change(erased, { erasedAtMs: T0_MS + 2 })]));
      const query = { chain, recipient: recipient as string, txId: "tx", index: "0", timeMs: T0_MS + 5 };
      const [route] = await payments.route([query]);
      expect(route).toMatchObject({ paymentIds: [], unattributed: [{ merchantId, why: "payment_erased" }] });
      expect(await payments.latestOnAddress(merchantId, chain, recipient as string)).toBeNull();
      const next = samplePayment({ recipient, createdAtMs: T0_MS + 3 });
      recordsIn(await log.append([creation(next)]));
      expect((await payments.route([query]))[0]?.paymentIds).toEqual([next.id]);
    });
  });
}
