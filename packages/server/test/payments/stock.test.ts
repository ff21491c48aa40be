/** What becomes of an order's units: every cell of the tables, and the stories that cross them. */
import { PAYMENT_STATUSES, type PaymentStatus, STOCK_STATES, type StockState } from "@paybell/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decide, type Input } from "../../src/payments/decide.ts";
import { orderStatus } from "../../src/payments/order.ts";
import type { Payment } from "../../src/payments/payment.ts";
import { nextStock, stockLines } from "../../src/payments/stock.ts";
import { HELD, STOCK_BY_COMMAND, STOCK_BY_STATUS, STOCK_COMMANDS } from "../../src/payments/stock-table.ts";
import { anyInput, anyNewPayment } from "./arbitraries.ts";
import { block, CREATED_AT_MS, EXPIRES_AT_MS, finalStory, newPayment, paidStory, Story } from "./given.ts";

const ITEMS = [{ productId: "mug", quantity: 2 }];
const TOO_LATE = { observedAtMs: EXPIRES_AT_MS + 1, block: block(5, "a", EXPIRES_AT_MS + 1) };
const NONE_FREE = [{ productId: "mug", wanted: 2, available: 0 }];

const order = () => new Story({ items: ITEMS, stock: "reserved" });

function paidOrder(): Story {
  const story = order();
  story.included();
  story.head(6);
  return story;
}

/** Decided with nothing free. */
function doShort(story: Story, input: Input): void {
  const decision = decide(story.state, input, story.atMs + 1, NONE_FREE);
  if (!decision.ok) throw new Error(decision.refusal.message);
  story.state = decision.state;
  story.told = decision.events;
}

/** Expired, and then paid while nothing was free. */
function shortOrder(): Story {
  const story = order();
  story.tick(EXPIRES_AT_MS);
  story.included(TOO_LATE);
  doShort(story, { type: "head", height: 6 });
  return story;
}

/** Written from DESIGN.md, not from the code: what is held after an event that leaves this status. */
const AFTER: Readonly<Record<PaymentStatus, Readonly<Record<StockState, StockState>>>> = {
  ...same(["pending", "confirming"], ["reserved", "taken", "released", "released", "returned"]),
  ...same(["paid", "final"], ["taken", "taken", "taken", "short", "taken"]),
  ...same(["reversed", "expired", "cancelled", "failed"], ["released", "returned", "released", "released", "returned"]),
} as Record<PaymentStatus, Record<StockState, StockState>>;

function same(statuses: PaymentStatus[], after: StockState[]) {
  const row = Object.fromEntries(STOCK_STATES.map((stock, at) => [stock, after[at]]));
  return Object.fromEntries(statuses.map((status) => [status, row]));
}

describe.each(PAYMENT_STATUSES)("an event that leaves an order %s", (status) => {
  it.each(STOCK_STATES)("finds units that were %s where the table wants them", (stock) => {
    expect(nextStock({ stock, status, delivery: "none" }, null, true)).toBe(AFTER[status][stock]);
  });

  it("takes what is reserved even when nothing else is free, and nothing else", () => {
    const after = STOCK_STATES.map((stock) => nextStock({ stock, status, delivery: "none" }, null, false));
    const isPaid = status === "paid" || status === "final";
    expect(after).toEqual(isPaid ? ["taken", "taken", "short", "short", "short"] : Object.values(AFTER[status]));
  });

  it("leaves what was taken alone once delivery has begun", () => {
    expect(nextStock({ stock: "taken", status, delivery: "processing" }, null, true)).toBe("taken");
  });

  it("says nothing of a payment that is no order", () => {
    expect(nextStock({ stock: null, status, delivery: "none" }, null, true)).toBeNull();
  });
});

describe("the tables", () => {
  it("hold nothing for an order that ended or waits for an operator", () => {
    for (const status of ["expired", "cancelled", "failed"] as const) {
      for (const stock of STOCK_STATES) expect(HELD[AFTER[status][stock]]).toEqual({ reserved: 0, taken: 0 });
    }
    expect(HELD.short).toEqual({ reserved: 0, taken: 0 });
  });

  it("come to rest: what an event has done, the next one in the same status does not do again", () => {
    for (const status of PAYMENT_STATUSES) {
      for (const stock of STOCK_STATES) {
        for (const isFree of [true, false]) {
          const once = nextStock({ stock, status, delivery: "none" }, null, isFree);
          expect(nextStock({ stock: once, status, delivery: "none" }, null, isFree), `${status} ${stock}`).toBe(once);
        }
      }
    }
  });

  it("take or release nothing that the status would not, but for a refund and an erasure", () => {
    expect(STOCK_COMMANDS).toEqual(["resolve_paid", "refund", "erase"]);
    expect(STOCK_BY_COMMAND.resolve_paid).toEqual({ ...STOCK_BY_STATUS.paid, short: "take_if_free" });
    for (const command of ["refund", "erase"] as const) {
      expect(STOCK_BY_COMMAND[command]).toMatchObject({ reserved: "release", taken: "keep", short: "release" });
    }
  });
});

describe("the lines of a movement", () => {
  const items = [
    { productId: "b", quantity: 1 },
    { productId: "a", quantity: 2 },
    { productId: "b", quantity: 3 },
    { quantity: 9 },
  ];

  it("have each product once, in one order for all, with the units of all its items", () => {
    expect(stockLines(items, null, "reserved")).toEqual([
      { productId: "a", stockDelta: 0, reservedDelta: 2 },
      { productId: "b", stockDelta: 0, reservedDelta: 4 },
    ]);
    expect(stockLines(items, "reserved", "taken")).toEqual([
      { productId: "a", stockDelta: -2, reservedDelta: -2 },
      { productId: "b", stockDelta: -4, reservedDelta: -4 },
    ]);
    expect(stockLines(items, "taken", "returned")).toEqual([
      { productId: "a", stockDelta: 2, reservedDelta: 0 },
      { productId: "b", stockDelta: 4, reservedDelta: 0 },
    ]);
    expect(stockLines(items, "released", "short")).toEqual([]);
  });

  it("of a way there and back are nothing in sum", () => {
    const state = fc.constantFrom(...STOCK_STATES);
    fc.assert(
      fc.property(fc.array(state, { minLength: 1, maxLength: 12 }), (path) => {
        const sum = { stock: 0, reserved: 0 };
        const states = [...path, path[0] as StockState];
        for (const [at, after] of states.entries()) {
          if (at === 0) continue;
          for (const line of stockLines(ITEMS, states[at - 1] as StockState, after)) {
            sum.stock += line.stockDelta;
            sum.reserved += line.reservedDelta;
          }
        }
        expect(sum).toEqual({ stock: 0, reserved: 0 });
      }),
    );
  });
});

describe("an order", () => {
  it("reserves when it is made, takes when it is paid, and says so in each event", () => {
    const story = paidOrder();
    const told = story.history.map(({ type, data }) => [type, data.payment?.stock]);
    expect(told).toEqual([
      ["payment.created", "reserved"],
      ["transfer.included", "reserved"],
      ["payment.confirming", "reserved"],
      ["transfer.confirmed", "reserved"],
      ["payment.paid", "taken"],
    ]);
    story.head(10);
    expect([story.status, story.payment.stock]).toEqual(["final", "taken"]);
  });

  it("gives back what it reserved when it expires, is cancelled, or is erased", () => {
    const expired = order();
    expired.tick(EXPIRES_AT_MS);
    const cancelled = order();
    cancelled.do({ type: "cancel" });
    const erased = order();
    erased.do({ type: "erase" });
    expect([expired, cancelled, erased].map(({ payment }) => payment.stock)).toEqual(Array(3).fill("released"));
    expect(orderStatus(cancelled.payment)).toBe("cancelled");
  });

  it("puts back what it took when the payment is reversed before delivery, and takes it again when it recovers", () => {
    const story = paidOrder();
    story.lost("orphaned");
    expect([story.status, story.payment.stock, orderStatus(story.payment)]).toEqual([
      "reversed",
      "returned",
      "pending",
    ]);
    story.included({ block: { height: 6, hash: "b6", timeMs: CREATED_AT_MS + 9 }, confirmations: 2 });
    expect([story.status, story.payment.stock, orderStatus(story.payment)]).toEqual(["paid", "taken", "completed"]);
  });

  it("keeps what it took when delivery has begun before the reversal", () => {
    const story = paidOrder();
    story.do({ type: "deliver", to: "delivering" });
    story.lost("dropped");
    expect([story.status, story.payment.stock]).toEqual(["reversed", "taken"]);
    story.do({ type: "resolve", as: "failed" });
    expect([orderStatus(story.payment), story.payment.stock]).toEqual(["cancelled", "taken"]);
  });

  it("paid late takes what is free, else is short, needs review and stays pending", () => {
    const lucky = order();
    lucky.tick(EXPIRES_AT_MS);
    lucky.included(TOO_LATE);
    expect([lucky.status, lucky.payment.stock]).toEqual(["confirming", "released"]);
    lucky.head(6);
    expect([lucky.payment.stock, lucky.payment.flags]).toEqual(["taken", ["late"]]);

    const { payment, told } = shortOrder();
    expect([payment.status, payment.stock, payment.flags]).toEqual(["paid", "short", ["late", "needs_review"]]);
    expect(orderStatus(payment)).toBe("pending");
    expect(told.at(-1)).toMatchObject({
      type: "payment.paid",
      data: { payment: { stock: "short", flags: ["late", "needs_review"] } },
    });
  });

  it("that is short stays so whatever else happens, until an operator resolves it with stock", () => {
    const story = shortOrder();
    story.head(10);
    expect([story.status, story.payment.stock]).toEqual(["final", "short"]);
    const resolve: Input = { type: "resolve", as: "paid" };
    const refused = decide(story.state, resolve, story.atMs + 2, NONE_FREE);
    expect(refused).toMatchObject({ ok: false, refusal: { code: "out_of_stock", details: { products: NONE_FREE } } });
    expect(story.do(resolve)).toEqual(["payment.resolved"]);
    expect([story.status, story.payment.stock, orderStatus(story.payment)]).toEqual(["final", "taken", "completed"]);
    expect(story.do(resolve)).toEqual([]);
  });

  it("that is short cannot be delivered, but refunded: then it wants nothing any more", () => {
    const story = shortOrder();
    expect(story.try({ type: "deliver", to: "delivering" })).toMatchObject({
      ok: false,
      refusal: { code: "invalid_state", details: { allowed: ["on_hold", "refunded", "failed"] } },
    });
    story.do({ type: "deliver", to: "refunded" });
    expect([story.payment.stock, orderStatus(story.payment)]).toEqual(["released", "cancelled"]);
    story.head(10);
    expect([story.status, story.payment.stock]).toEqual(["final", "released"]);
  });

  it("that was cancelled is paid by an operator's word, with its units", () => {
    const story = order();
    story.do({ type: "cancel" });
    story.seen();
    expect([story.payment.flags, story.payment.stock]).toEqual([["needs_review"], "released"]);
    story.do({ type: "resolve", as: "paid" });
    expect([story.status, story.payment.stock]).toEqual(["paid", "taken"]);
  });

  it("is told apart from a payment, whose events say nothing of stock", () => {
    for (const { payment, history } of [paidStory(), finalStory(), new Story({ items: ITEMS })]) {
      expect(orderStatus(payment)).toBeNull();
      for (const { data } of history) expect(data.payment).not.toHaveProperty("stock");
    }
  });
});

/** An order like any payment, decided with and without units free. */
const anyStep = fc.record({ input: anyInput, isFree: fc.boolean() });

describe("any life of an order", () => {
  it("takes its units only when it is paid and never twice, and rests where the table says", () => {
    fc.assert(
      fc.property(anyNewPayment, fc.array(anyStep, { maxLength: 25 }), (asked, steps) => {
        const given = newPayment({ ...asked, items: ITEMS, stock: "reserved" });
        const created = decide(null, { type: "create", payment: given }, CREATED_AT_MS);
        if (!created.ok) throw new Error(created.refusal.message);
        let { state } = created;
        let taken = 0;
        for (const [at, { input, isFree }] of steps.entries()) {
          const decision = decide(state, input, CREATED_AT_MS + 1 + at, isFree ? null : NONE_FREE);
          if (!decision.ok) continue;
          let before = state.payment.stock as StockState;
          for (const { data } of decision.events) {
            const after = data.payment?.stock as StockState;
            taken += HELD[after].taken - HELD[before].taken;
            expect([0, 1]).toContain(taken);
            if (HELD[after].taken > HELD[before].taken) expect(["paid", "final"]).toContain(data.payment?.status);
            if (after === "short") expect(data.payment?.flags).toContain("needs_review");
            // What was once given back, or taken, is never only reserved again.
            if (before !== "reserved") expect(after).not.toBe("reserved");
            before = after;
          }
          state = decision.state;
          expectAtRest(state.payment);
        }
      }),
    );
  });
});

function expectAtRest(payment: Payment): void {
  if (payment.erasedAtMs !== null) return;
  expect(nextStock(payment, null, payment.stock !== "short")).toBe(payment.stock);
}
