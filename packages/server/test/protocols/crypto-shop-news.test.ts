/** What the events of any life of an order tell its customer: always the status that it has. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { decide } from "../../src/payments/decide.ts";
import { orderNews, statusOf } from "../../src/protocols/crypto-shop/order-news.ts";
import { anyInput, anyNewPayment } from "../payments/arbitraries.ts";
import { CREATED_AT_MS, newPayment } from "../payments/given.ts";

const ITEMS = [{ productId: "bell", quantity: 1 }];
const NONE_FREE = [{ productId: "bell", wanted: 1, available: 0 }];
const anyStep = fc.record({ input: anyInput, isFree: fc.boolean() });

it.each([
  ["an order", { items: ITEMS, stock: "reserved" as const }],
  ["a payment without stock", {}],
])("the last word that a customer has of %s is its status, and each completion is confirmed", (_what, kind) => {
  fc.assert(
    fc.property(anyNewPayment, fc.array(anyStep, { maxLength: 25 }), (asked, steps) => {
      const created = decide(null, { type: "create", payment: newPayment({ ...asked, ...kind }) }, CREATED_AT_MS);
      if (!created.ok) throw new Error(created.refusal.message);
      let { state } = created;
      let told = created.events.map(orderNews).at(-1)?.status;
      let nowMs = CREATED_AT_MS;
      for (const { input, isFree } of steps) {
        nowMs = Math.max(nowMs + 1, input.type === "tick" ? input.watchedUntilMs : 0);
        const decision = decide(state, input, nowMs, isFree ? null : NONE_FREE);
        // A deleted order is told nothing more.
        if (input.type === "erase") return;
        if (!decision.ok) continue;
        for (const event of decision.events) {
          const news = orderNews(event);
          told = news?.status ?? told;
          expect(news?.confirmedBy != null).toBe(news?.status === "completed");
          if (event.data.payment) expect([event.type, told]).toEqual([event.type, statusOf(event.data.payment)]);
        }
        state = decision.state;
      }
    }),
    { numRuns: 1_000 },
  );
});
