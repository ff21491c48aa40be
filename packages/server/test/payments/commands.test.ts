/** What may be asked for, by status; the table itself is checked cell by cell. */
import { DELIVERY_STATES, type DeliveryState, PAYMENT_STATUSES, type PaymentStatus } from "@paybell/protocol";
import { describe, expect, it } from "vitest";
import {
  COMMAND_TABLE,
  COMMANDS,
  type Command,
  DELIVERY_IN_STATUS,
  DELIVERY_NEXT,
} from "../../src/payments/commands-table.ts";
import type { Input } from "../../src/payments/decide.ts";
import { block, expiredStory, finalStory, MONITOR_UNTIL_MS, newPayment, paidStory, Story } from "./given.ts";

const STORIES: Record<PaymentStatus, () => Story> = {
  pending: () => new Story(),
  confirming: () => {
    const story = new Story();
    story.seen();
    return story;
  },
  paid: paidStory,
  final: finalStory,
  reversed: () => {
    const story = paidStory();
    story.lost("orphaned");
    return story;
  },
  expired: expiredStory,
  cancelled: () => {
    const story = new Story();
    story.do({ type: "cancel" });
    return story;
  },
  failed: () => {
    const story = new Story();
    story.seen();
    story.tick(MONITOR_UNTIL_MS);
    return story;
  },
};

const INPUTS: Record<Command, Input> = {
  claim: { type: "claim" },
  cancel: { type: "cancel" },
  resolve_paid: { type: "resolve", as: "paid" },
  resolve_failed: { type: "resolve", as: "failed" },
  deliver: { type: "deliver", to: "processing" },
  erase: { type: "erase" },
};

describe.each(PAYMENT_STATUSES)("a payment that is %s", (status) => {
  it.each(COMMANDS)("answers %s as the table says", (command) => {
    const story = (STORIES[status] as () => Story)();
    expect(story.status).toBe(status);
    const cell = COMMAND_TABLE[status][command];
    const decision = story.try(INPUTS[command]);
    if (cell === "refused" || (typeof cell === "object" && cell.when === "in_doubt")) {
      expect(decision).toMatchObject({ ok: false, refusal: { code: "invalid_state", details: { status } } });
    } else if (cell === "unchanged") {
      expect(decision).toMatchObject({ ok: true, events: [] });
    } else {
      expect(decision).toMatchObject({
        ok: true,
        events: [{ type: cell.event, data: { payment: { status: cell.to } } }],
      });
    }
  });

  it("accepts the same command twice and does it once", () => {
    for (const command of COMMANDS) {
      const story = (STORIES[status] as () => Story)();
      if (!story.try(INPUTS[command]).ok) continue;
      story.do(INPUTS[command]);
      const first = story.state;
      expect(story.do(INPUTS[command]), command).toEqual([]);
      expect(story.state, command).toBe(first);
    }
  });
});

describe("cancel", () => {
  it("is refused while a transfer is on its way, and says why", () => {
    const story = new Story();
    story.seen({ amountAtomic: 1n });
    expect(story.try({ type: "cancel" })).toMatchObject({
      ok: false,
      refusal: {
        code: "invalid_state",
        message: "The payment is pending; cancel is not possible: in this status only while no transfer has been seen.",
        details: { status: "pending", allowed: ["pending", "cancelled"] },
      },
    });
    story.lost("dropped");
    expect(story.do({ type: "cancel" })).toEqual(["payment.cancelled"]);
  });

  it("is refused while a transfer is out of its block: it will most likely be back", () => {
    const story = new Story();
    story.included({ amountAtomic: 1n });
    story.lost("orphaned");
    expect(story.try({ type: "cancel" }).ok).toBe(false);
  });
});

describe("resolve", () => {
  it("makes an expired payment paid by hand and says from where to where", () => {
    const story = expiredStory();
    expect(story.do({ type: "resolve", as: "paid" })).toEqual(["payment.resolved"]);
    expect(story.told[0]?.data).toMatchObject({ from: "expired", to: "paid", payment: { flags: ["manual"] } });
  });

  it("is open for a payment that needs review, and lets an operator correct himself", () => {
    const story = STORIES.cancelled();
    expect(story.try({ type: "resolve", as: "paid" }).ok).toBe(false);
    story.seen();
    story.do({ type: "resolve", as: "paid" });
    expect(story.status).toBe("paid");
    expect(story.do({ type: "resolve", as: "failed" })).toEqual(["payment.resolved"]);
    expect(story.status).toBe("failed");
  });

  it("does not take a final payment back to paid", () => {
    const story = finalStory();
    story.state = { ...story.state, payment: { ...story.payment, flags: ["needs_review"] } };
    story.do({ type: "resolve", as: "paid" });
    expect(story.status).toBe("final");
  });
});

describe("delivery", () => {
  it.each(PAYMENT_STATUSES)("may become, while the payment is %s, what the table says", (status) => {
    for (const from of DELIVERY_STATES) {
      for (const to of DELIVERY_STATES) {
        const story = (STORIES[status] as () => Story)();
        story.state = { ...story.state, payment: { ...story.payment, delivery: from } };
        const allowed = DELIVERY_IN_STATUS[status].includes(to) && DELIVERY_NEXT[from].includes(to);
        expect(story.try({ type: "deliver", to }).ok, `${from} to ${to}`).toBe(allowed || from === to);
      }
    }
  });

  it("is told with from and to", () => {
    const story = paidStory();
    story.do({ type: "deliver", to: "delivering" });
    expect(story.do({ type: "deliver", to: "delivered" })).toEqual(["payment.delivery_changed"]);
    expect(story.told[0]?.data).toMatchObject({ from: "delivering", to: "delivered" });
    expect(story.status).toBe("paid");
  });

  it("names what is allowed when it refuses", () => {
    const story = STORIES.confirming();
    expect(story.try({ type: "deliver", to: "delivered" })).toMatchObject({
      refusal: {
        message:
          "The payment is confirming and its delivery is none; it cannot become delivered: allowed now: processing.",
        details: { status: "confirming", delivery: "none", allowed: ["processing"] satisfies DeliveryState[] },
      },
    });
  });
});

describe("erase", () => {
  it("removes what could name a person and stops waiting for anything", () => {
    const story = new Story();
    story.included({ amountAtomic: 4n, block: block(5) });
    expect(story.do({ type: "erase" })).toEqual(["payment.erased"]);
    expect(story.payment).toMatchObject({
      customer: null,
      metadata: null,
      items: null,
      reference: null,
      erasedAtMs: story.atMs,
      deadlineMs: null,
      status: "pending",
      receivedAtomic: 4n,
    });
    expect(story.transfer().dueHeight).toBeNull();
    expect(story.told[0]?.data.reference).toBeNull();
  });
});

describe("create", () => {
  it.each([
    ["amount", { amountAtomic: 0n }],
    ["amount", { amountAtomic: -1n }],
    ["confirmations", { policy: { confirmationsRequired: 3, finalConfirmations: 2 } }],
    ["confirmations", { policy: { confirmationsRequired: 0, finalConfirmations: 0 } }],
    ["confirmations", { policy: { confirmationsRequired: -1, finalConfirmations: 6 } }],
    ["confirmations", { policy: { confirmationsRequired: 1.5, finalConfirmations: 6 } }],
    ["monitoringSeconds", { monitoringSeconds: -1 }],
    ["expiresAt", { expiresAtMs: Number.NaN }],
    ["expiresAt", { expiresAtMs: 1, monitoringSeconds: Number.POSITIVE_INFINITY }],
  ])("refuses a %s that cannot be kept: %o", (field, changes) => {
    expect(() => new Story(changes)).toThrow(`${field}: `);
  });

  it("is refused for a payment that exists, and everything else for one that does not", () => {
    const story = new Story();
    expect(story.try({ type: "create", payment: newPayment() })).toMatchObject({ refusal: { code: "conflict" } });
    story.state = null as never;
    expect(story.try({ type: "claim" })).toMatchObject({ ok: false, refusal: { code: "not_found" } });
  });
});
