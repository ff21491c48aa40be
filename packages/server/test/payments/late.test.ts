/** Money that comes after expiry, after monitoring, or to a payment that is over. */
import { describe, expect, it } from "vitest";
import { block, EXPIRES_AT_MS, expiredStory, MONITOR_UNTIL_MS, observation, paidStory, Story } from "./given.ts";

const AFTER_EXPIRY = { observedAtMs: EXPIRES_AT_MS + 1 };
const AFTER_MONITORING = { observedAtMs: MONITOR_UNTIL_MS + 1 };

describe("after expiry, within monitoring", () => {
  it("counts as paid like any other, flagged late", () => {
    const story = expiredStory();
    expect(story.included({ ...AFTER_EXPIRY, confirmations: 2, block: block(5, "a", EXPIRES_AT_MS + 1) })).toEqual([
      "transfer.confirmed",
      "payment.late",
      "payment.paid",
    ]);
    expect(story.payment).toMatchObject({ status: "paid", flags: ["late"] });
  });

  it("is not late when its transfer was sent in time and only found later", () => {
    const story = expiredStory();
    expect(story.included(AFTER_EXPIRY), "the block's time is before expiry").toEqual([
      "transfer.included",
      "payment.confirming",
    ]);
    expect(story.payment.flags).toEqual([]);
  });

  it("is late when only the last needed transfer was", () => {
    const story = new Story();
    story.seen({ amountAtomic: 4n });
    story.tick(EXPIRES_AT_MS);
    expect(story.seen({ ...AFTER_EXPIRY, txId: "tx2", amountAtomic: 3n })).toEqual([
      "transfer.seen",
      "payment.late_partial",
    ]);
    expect(story.payment).toMatchObject({ status: "expired", amountState: "under" });
    expect(story.seen({ ...AFTER_EXPIRY, txId: "tx3", amountAtomic: 3n })).toEqual(["transfer.seen", "payment.late"]);
  });

  it("is late by the transfer's own time, also when no tick has expired it yet", () => {
    const story = new Story();
    expect(story.seen(AFTER_EXPIRY)).toEqual(["transfer.seen", "payment.late"]);
    expect(story.payment.flags).toEqual(["late"]);
  });

  it("expires again when the late transfer is lost", () => {
    const story = expiredStory();
    story.seen(AFTER_EXPIRY);
    expect(story.lost("dropped")).toEqual(["transfer.dropped", "payment.double_spend"]);
    expect(story.status).toBe("pending");
    expect(story.tick(EXPIRES_AT_MS)).toEqual(["payment.expired"]);
  });
});

describe("to the millisecond", () => {
  it("expiry itself is in time", () => {
    const story = expiredStory();
    expect(story.seen({ observedAtMs: EXPIRES_AT_MS })).toEqual(["transfer.seen", "payment.confirming"]);
    expect(story.payment.flags).toEqual([]);
  });

  it("the end of monitoring itself is still credited", () => {
    const story = expiredStory();
    expect(story.seen({ observedAtMs: MONITOR_UNTIL_MS })).toEqual(["transfer.seen", "payment.late"]);
  });
});

describe("funds where none are expected", () => {
  it("leave an expired payment past monitoring as it is, and ask for a person", () => {
    const story = expiredStory();
    expect(story.seen(AFTER_MONITORING)).toEqual(["transfer.seen", "payment.unexpected_funds"]);
    expect(story.payment).toMatchObject({ status: "expired", receivedAtomic: 10n, flags: ["needs_review"] });
    expect(
      story.included({ ...AFTER_MONITORING, block: block(9, "a", MONITOR_UNTIL_MS + 1), confirmations: 6 }),
    ).toEqual(["transfer.final"]);
    expect(story.status).toBe("expired");
  });

  it("are told apart from those that came in time, in one report", () => {
    const story = expiredStory();
    expect(
      story.observe(
        observation({ ...AFTER_EXPIRY, amountAtomic: 3n }),
        observation({ ...AFTER_MONITORING, txId: "tx2", amountAtomic: 9n }),
      ),
    ).toEqual(["transfer.seen", "transfer.seen", "payment.late_partial", "payment.unexpected_funds"]);
    expect(story.told[2]?.data.transfers.map((transfer) => transfer.txId)).toEqual(["tx1"]);
    expect(story.told[3]?.data.transfers.map((transfer) => transfer.txId)).toEqual(["tx2"]);
    expect(story.status, "what came in time does not cover it").toBe("expired");
  });

  it("on a cancelled payment", () => {
    const story = new Story();
    story.do({ type: "cancel" });
    expect(story.seen()).toEqual(["transfer.seen", "payment.unexpected_funds"]);
    expect(story.payment).toMatchObject({ status: "cancelled", flags: ["needs_review"] });
    expect(story.included(), "told once").toEqual(["transfer.included"]);
  });

  it("on a failed payment, also when its own transfer is included after all", () => {
    const story = new Story();
    story.seen();
    story.tick(MONITOR_UNTIL_MS);
    expect(story.included()).toEqual(["transfer.included", "payment.unexpected_funds"]);
    expect(story.payment).toMatchObject({ status: "failed", flags: ["needs_review"] });
    expect(story.seen({ txId: "tx2" })).toEqual(["transfer.seen", "payment.unexpected_funds"]);
  });
});

describe("after an operator's word", () => {
  it("coverage no longer moves the status, but what happens is told and flagged", () => {
    const story = paidStory();
    story.lost("orphaned");
    story.do({ type: "resolve", as: "paid" });
    expect(story.included({ confirmations: 6 })).toEqual(["transfer.final"]);
    expect(story.status).toBe("paid");
    expect(story.lost("replaced", { replacedBy: "tx9" })).toEqual(["transfer.replaced", "payment.double_spend"]);
    expect(story.payment).toMatchObject({ status: "paid", receivedAtomic: 0n });
    expect(story.payment.flags).toEqual(["double_spend", "reorged", "manual"]);
  });
});
