/** Payments without an amount: every transfer to them is a payment of its own to those who listen. */
import { describe, expect, it } from "vitest";
import { block, EXPIRES_AT_MS, Story } from "./given.ts";

const standing = () => new Story({ amountAtomic: null });

describe("a standing payment", () => {
  it("never expires, whatever was asked for", () => {
    const story = standing();
    expect(story.payment).toMatchObject({ expiresAtMs: null, monitorUntilMs: null, deadlineMs: null });
    expect(story.tick(EXPIRES_AT_MS * 10)).toEqual([]);
  });

  it("stays pending and tells its transfers, their confirmations included", () => {
    const story = standing();
    expect(story.seen()).toEqual(["transfer.seen"]);
    expect(story.included({ block: block(5) })).toEqual(["transfer.included"]);
    expect(story.head(6)).toEqual(["transfer.confirmed"]);
    expect(story.head(10)).toEqual(["transfer.final"]);
    expect(story.lost("orphaned")).toEqual(["transfer.orphaned"]);
    expect(story.payment).toMatchObject({ status: "pending", amountState: "none", receivedAtomic: 0n, flags: [] });
  });

  it("says of a transfer that is settled where it stood before, so that nobody counts it twice", () => {
    const story = standing();
    story.seen();
    story.included({ block: block(5) });
    story.head(6);
    story.head(10);
    story.included({ txId: "tx2", block: block(5), confirmations: 6 });
    const settled = story.history.filter(({ type }) => type === "transfer.confirmed" || type === "transfer.final");
    expect(settled.map(({ type, data }) => [type, data.from])).toEqual([
      ["transfer.confirmed", "included"],
      ["transfer.final", "confirmed"],
      ["transfer.final", undefined],
    ]);
  });

  it("tells two confirmations where one is enough", () => {
    const story = new Story({ amountAtomic: null, policy: { confirmationsRequired: 1, finalConfirmations: 6 } });
    story.included();
    expect(story.head(6)).toEqual(["payment.confirmation"]);
    expect(story.payment.confirmations).toBe(2);
  });

  it("can be cancelled at any time; what still comes is unexpected", () => {
    const story = standing();
    story.seen();
    expect(story.do({ type: "cancel" })).toEqual(["payment.cancelled"]);
    expect(story.included()).toEqual(["transfer.included"]);
    expect(story.seen({ txId: "tx2" })).toEqual(["transfer.seen", "payment.unexpected_funds"]);
  });

  it("cannot be resolved: it owes nothing", () => {
    const story = standing();
    story.do({ type: "cancel" });
    story.seen();
    expect(story.payment.flags).toEqual(["needs_review"]);
    expect(story.try({ type: "resolve", as: "paid" })).toMatchObject({ ok: false, refusal: { code: "invalid_state" } });
  });
});
