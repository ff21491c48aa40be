/** Every row of the reference's table, in its order. */
import { describe, expect, it } from "vitest";
import { block, EXPIRES_AT_MS, finalStory, MONITOR_UNTIL_MS, observation, paidStory, Story } from "./given.ts";

describe("a payment that goes well", () => {
  it("is pending once it is created", () => {
    const story = new Story();
    expect(story.told.map((event) => event.type)).toEqual(["payment.created"]);
    expect(story.payment).toMatchObject({ status: "pending", amountState: "none", delivery: "none", sequence: 1 });
    expect(story.payment.deadlineMs).toBe(EXPIRES_AT_MS);
    expect(story.payment.monitorUntilMs).toBe(MONITOR_UNTIL_MS);
  });

  it("stays pending when the payer says that he has paid", () => {
    const story = new Story();
    expect(story.do({ type: "claim" })).toEqual(["payment.claimed"]);
    expect(story.status).toBe("pending");
    expect(story.payment.claimedAtMs).toBe(story.atMs);
  });

  it("stays pending, under, while less than the amount has come", () => {
    const story = new Story();
    expect(story.seen({ amountAtomic: 4n })).toEqual(["transfer.seen", "payment.partially_paid"]);
    expect(story.payment).toMatchObject({ status: "pending", amountState: "under", receivedAtomic: 4n });
    expect(story.included({ amountAtomic: 4n }), "the same money").toEqual(["transfer.included"]);
    expect(story.seen({ txId: "tx2", amountAtomic: 5n })).toEqual(["transfer.seen", "payment.partially_paid"]);
    expect(story.payment.receivedAtomic).toBe(9n);
  });

  it("is confirming once the amount is covered, and told of each confirmation, then paid, then final", () => {
    const story = new Story({ policy: { confirmationsRequired: 3, finalConfirmations: 6 } });
    expect(story.seen()).toEqual(["transfer.seen", "payment.confirming"]);
    expect(story.included()).toEqual(["transfer.included"]);
    expect(story.head(6)).toEqual(["payment.confirmation"]);
    expect(story.status).toBe("confirming");
    expect(story.payment.confirmations).toBe(2);
    expect(story.head(7)).toEqual(["transfer.confirmed", "payment.paid"]);
    expect(story.head(8)).toEqual([]);
    expect(story.head(10)).toEqual(["transfer.final", "payment.finalized"]);
    expect(story.payment).toMatchObject({ status: "final", confirmations: 6, coveringTxId: "tx1", sequence: 9 });
  });

  it("is paid and final at once when it is first seen deep in the chain", () => {
    const story = new Story();
    expect(story.included({ confirmations: 8 })).toEqual(["transfer.final", "payment.paid", "payment.finalized"]);
  });

  it("is final when the chain itself says so, whatever the number", () => {
    const story = new Story();
    expect(story.included({ final: true })).toEqual(["transfer.final", "payment.paid", "payment.finalized"]);
  });

  it("becomes final although dust beside it never confirms", () => {
    const story = paidStory();
    expect(story.seen({ txId: "dust", amountAtomic: 1n })).toEqual(["transfer.seen", "payment.overpaid"]);
    expect(story.head(10)).toEqual(["transfer.final", "payment.finalized"]);
  });

  it("is covered by several transfers together", () => {
    const story = new Story();
    story.included({ amountAtomic: 4n });
    expect(story.included({ txId: "tx2", amountAtomic: 6n, block: block(6) })).toEqual([
      "transfer.included",
      "payment.confirming",
    ]);
    expect(story.payment).toMatchObject({ amountState: "exact", coveringTxId: "tx2", confirmations: 1 });
    expect(story.payment.flags).toEqual(["multiple"]);
    expect(story.head(6), "only one of them is deep enough").toEqual(["transfer.confirmed"]);
    expect(story.head(7)).toEqual(["transfer.confirmed", "payment.paid"]);
  });
});

describe("in a block that the finality policy does not count yet", () => {
  it("it has no confirmation, and one is needed", () => {
    const story = new Story({ policy: { confirmationsRequired: 1, finalConfirmations: 1 } });
    expect(story.included({ confirmations: 0 })).toEqual(["transfer.included", "payment.confirming"]);
    expect(story.payment).toMatchObject({ status: "confirming", confirmations: 0 });
    expect(story.head(4), "the counted head is below its block").toEqual([]);
    expect(story.head(5)).toEqual(["transfer.final", "payment.paid", "payment.finalized"]);
  });

  it("it stays paid where none is needed", () => {
    const story = new Story({ policy: { confirmationsRequired: 0, finalConfirmations: 6 } });
    story.seen();
    expect(story.included({ confirmations: 0 })).toEqual(["transfer.confirmed"]);
    expect(story.payment).toMatchObject({ status: "paid", confirmations: 0 });
  });
});

describe("without a confirmation required", () => {
  const policy = { confirmationsRequired: 0, finalConfirmations: 6 };

  it("is paid from the mempool", () => {
    expect(new Story({ policy }).seen()).toEqual(["transfer.seen", "payment.paid"]);
  });

  it("waits for a block when the sender may still replace the transaction", () => {
    const story = new Story({ policy });
    expect(story.seen({ replaceable: true })).toEqual(["transfer.seen", "payment.confirming"]);
    expect(story.included({ replaceable: true })).toEqual(["transfer.confirmed", "payment.paid"]);
  });
});

describe("a transfer that is lost or moved", () => {
  it("is told even where the status stays", () => {
    const story = new Story();
    story.seen({ amountAtomic: 3n });
    expect(story.lost("dropped")).toEqual(["transfer.dropped", "payment.double_spend"]);
    expect(story.told.at(-1)?.data).toMatchObject({ reason: "dropped", transfers: [{ txId: "tx1" }] });
    expect(story.payment).toMatchObject({ status: "pending", amountState: "none", receivedAtomic: 0n });
  });

  it("takes a confirming payment back to pending; the loss itself tells it", () => {
    const story = new Story();
    story.seen();
    expect(story.lost("replaced", { replacedBy: "tx9" })).toEqual(["transfer.replaced", "payment.double_spend"]);
    expect(story.told[0]?.data.replacedBy).toBe("tx9");
    expect(story.told[1]?.data).toMatchObject({ reason: "replaced", payment: { status: "pending", txId: null } });
    expect(story.payment.flags).toEqual(["double_spend"]);
    expect(story.payment.deadlineMs).toBe(EXPIRES_AT_MS);
  });

  it("past expiry, back to pending and with the next tick to expired", () => {
    const story = new Story();
    story.included();
    expect(story.tick(EXPIRES_AT_MS + 5)).toEqual([]);
    expect(story.lost("orphaned")).toEqual(["transfer.orphaned", "payment.reorged"]);
    expect(story.status).toBe("pending");
    expect(story.tick(EXPIRES_AT_MS + 5)).toEqual(["payment.expired"]);
  });

  it("reverses a paid payment, and a final one", () => {
    for (const story of [paidStory(), finalStory()]) {
      expect(story.lost("orphaned")).toEqual(["transfer.orphaned", "payment.reorged", "payment.reversed"]);
      expect(story.payment).toMatchObject({ status: "reversed", receivedAtomic: 0n, flags: ["reorged"] });
    }
  });

  it("reverses a paid payment whose transfer is in the mempool again", () => {
    const story = paidStory();
    expect(story.observe(observation({ status: "orphaned" }), observation())).toEqual([
      "transfer.seen",
      "payment.reorged",
      "payment.reversed",
    ]);
    expect(story.told[1]?.data.reason).toBe("orphaned");
  });

  it("leaves a paid payment paid when it only moved to a younger block", () => {
    const story = paidStory();
    expect(story.included({ block: block(6, "b") })).toEqual(["transfer.included", "payment.reorged"]);
    expect(story.told[1]?.data).toMatchObject({ reason: "moved", payment: { status: "paid", confirmations: 1 } });
  });

  it("takes a final payment back to paid when it moved; the reorg tells it", () => {
    const story = finalStory();
    expect(story.included({ block: block(6, "b") })).toEqual(["transfer.included", "payment.reorged"]);
    expect(story.told[1]?.data.payment?.status).toBe("paid");
    expect(story.head(11)).toEqual(["transfer.final", "payment.finalized"]);
  });

  it("recovers when the transfer is included again", () => {
    const story = paidStory();
    story.lost("orphaned");
    expect(story.included({ block: block(6, "b") })).toEqual(["transfer.included", "payment.recovered"]);
    expect(story.status).toBe("confirming");
    expect(story.head(7)).toEqual(["transfer.confirmed", "payment.paid"]);
  });

  it("recovers as paid, and final, when it comes back deep enough", () => {
    const story = finalStory();
    story.lost("orphaned");
    expect(story.included({ confirmations: 6 })).toEqual(["transfer.final", "payment.recovered", "payment.finalized"]);
  });

  it("recovers when the replacement pays", () => {
    const story = paidStory();
    story.lost("replaced", { replacedBy: "tx2" });
    expect(story.status).toBe("reversed");
    expect(story.seen({ txId: "tx2" })).toEqual(["transfer.seen"]);
    expect(story.included({ txId: "tx2" })).toEqual(["transfer.included", "payment.recovered"]);
    expect(story.payment.flags).toContain("rbf");
  });
});

describe("time", () => {
  it("expires a pending payment, whatever part of it was paid", () => {
    const story = new Story();
    story.seen({ amountAtomic: 4n });
    expect(story.tick(EXPIRES_AT_MS - 1)).toEqual([]);
    expect(story.tick(EXPIRES_AT_MS)).toEqual(["payment.expired"]);
    expect(story.told[0]?.data).toMatchObject({ payment: { amountState: "under" }, transfers: [{ txId: "tx1" }] });
  });

  it("does not expire a payment by the clock while nobody watched the chain", () => {
    const story = new Story();
    story.atMs = EXPIRES_AT_MS + 3_600_000;
    expect(story.tick(EXPIRES_AT_MS - 1)).toEqual([]);
    expect(story.included({ observedAtMs: story.atMs }), "paid in time, found later").toEqual([
      "transfer.included",
      "payment.confirming",
    ]);
    expect(story.payment.flags).toEqual([]);
  });

  it("fails a confirming payment that was never included until the end of monitoring", () => {
    const story = new Story();
    story.seen();
    expect(story.payment.deadlineMs).toBe(MONITOR_UNTIL_MS);
    expect(story.tick(MONITOR_UNTIL_MS - 1)).toEqual([]);
    expect(story.tick(MONITOR_UNTIL_MS)).toEqual(["payment.failed"]);
    expect(story.payment.deadlineMs).toBeNull();
  });

  it("does not fail one that a reorg put back into the mempool: its outcome is unknown", () => {
    const story = new Story();
    story.included();
    expect(story.tick(MONITOR_UNTIL_MS)).toEqual([]);
    story.observe(observation({ status: "orphaned" }), observation());
    expect(story.tick(MONITOR_UNTIL_MS + 1)).toEqual([]);
    expect(story.status).toBe("confirming");
  });

  it("does nothing to payments that are paid, final or reversed", () => {
    const reversed = paidStory();
    reversed.lost("orphaned");
    for (const story of [paidStory(), finalStory(), reversed]) {
      expect(story.payment.deadlineMs).toBeNull();
      expect(story.tick(MONITOR_UNTIL_MS * 2)).toEqual([]);
    }
  });
});

describe("money on top", () => {
  it("is told when one transfer is larger than the amount", () => {
    const story = new Story();
    expect(story.seen({ amountAtomic: 12n })).toEqual(["transfer.seen", "payment.confirming", "payment.overpaid"]);
    expect(story.payment).toMatchObject({ status: "confirming", amountState: "over", flags: [] });
  });

  it("is told when a further transfer comes to a covered payment", () => {
    const story = finalStory();
    expect(story.seen({ txId: "tx2" })).toEqual(["transfer.seen", "payment.overpaid"]);
    expect(story.payment).toMatchObject({ status: "final", amountState: "over", flags: ["multiple"] });
    expect(story.included({ txId: "tx2", block: block(11) }), "told once").toEqual(["transfer.included"]);
  });

  it("does not change which transaction paid until a stronger one does", () => {
    const story = new Story();
    story.seen({ txId: "early" });
    story.included({ txId: "deep", confirmations: 2, observedAtMs: EXPIRES_AT_MS - 1 });
    expect(story.status).toBe("paid");
    expect(story.payment.coveringTxId, "the one that met the policy").toBe("deep");
  });
});
