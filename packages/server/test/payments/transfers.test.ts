/** One transfer: how it moves, what is old news, what is told, and when it is next due. */
import { TRANSFER_STATUSES, type TransferStatus } from "@paybell/protocol";
import { describe, expect, it } from "vitest";
import {
  FIRST_OBSERVATION,
  type ObservedStatus,
  TRANSFER_TRANSITIONS,
  type TransferStep,
} from "../../src/payments/transfer-transitions.ts";
import { MAX_TRANSFERS_PER_PAYMENT } from "../../src/payments/transfers-step.ts";
import { block, CREATED_AT_MS, observation, Story } from "./given.ts";

const OBSERVED = Object.keys(FIRST_OBSERVATION) as ObservedStatus[];

const AT: Record<TransferStatus, (story: Story) => unknown> = {
  seen: (story) => story.seen(),
  included: (story) => story.included(),
  confirmed: (story) => story.included({ confirmations: 2 }),
  final: (story) => story.included({ confirmations: 6 }),
  orphaned: (story) => [story.included(), story.lost("orphaned")],
  replaced: (story) => [story.seen(), story.lost("replaced", { replacedBy: "tx2" })],
  dropped: (story) => [story.seen(), story.lost("dropped")],
};

const RESULT: Record<Exclude<TransferStep, "ignored">, TransferStatus> = {
  seen: "seen",
  in_block: "included",
  orphaned: "orphaned",
  replaced: "replaced",
  dropped: "dropped",
};

describe.each(TRANSFER_STATUSES)("a transfer that is %s", (status) => {
  it.each(OBSERVED)("follows the table when it is observed as %s", (observed) => {
    const story = new Story();
    AT[status](story);
    const before = story.transfer();
    expect(before.status).toBe(status);
    const step = TRANSFER_TRANSITIONS[status][observed];
    // In another block than before, so that an `included` always says something.
    story.observe(
      observation({
        status: observed,
        confirmations: observed === "included" ? 1 : 0,
        block: observed === "included" ? block(7, "b") : null,
      }),
    );
    if (step === "ignored") expect(story.transfer()).toBe(before);
    else expect(story.transfer().status).toBe(RESULT[step]);
  });
});

it.each(OBSERVED)("of an unknown transfer, %s is taken or ignored as the table says", (observed) => {
  const story = new Story();
  story.observe(observation({ status: observed, block: observed === "included" ? block(5) : null }));
  expect(story.state.transfers.length).toBe(FIRST_OBSERVATION[observed] === "ignored" ? 0 : 1);
  expect(story.rejected).toEqual([]);
});

describe("old news", () => {
  it("is an observation that was made before", () => {
    const story = new Story();
    for (const step of [() => story.seen(), () => story.included(), () => story.lost("orphaned")]) {
      step();
      const after = story.state;
      expect(step()).toEqual([]);
      expect(story.state).toBe(after);
    }
  });

  it("is fewer confirmations in the same block, or without a block", () => {
    const story = new Story();
    story.included({ confirmations: 2 });
    expect(story.included({ confirmations: 1 })).toEqual([]);
    expect(story.included({ confirmations: 1, block: null })).toEqual([]);
    expect(story.head(5)).toEqual([]);
    expect(story.transfer().confirmations).toBe(2);
  });

  it("is the loss of a block that it has already left", () => {
    const story = new Story();
    story.included({ block: block(5, "a") });
    story.included({ block: block(5, "b") });
    expect(story.lost("orphaned", { block: block(5, "a") })).toEqual([]);
    expect(story.lost("orphaned", { block: block(5, "b") })).toEqual(["transfer.orphaned", "payment.reorged"]);
  });
});

describe("observations of one report", () => {
  it("are decided together: out of a block and into another is a move", () => {
    const story = new Story();
    story.included();
    const moved = observation({ status: "included", confirmations: 1, block: block(6, "b") });
    expect(story.observe(observation({ status: "orphaned", block: block(5) }), moved)).toEqual([
      "transfer.included",
      "payment.reorged",
    ]);
    expect(story.told[1]?.data.reason).toBe("moved");
  });

  it("out of a block and back into it is nothing", () => {
    const story = new Story();
    story.included();
    const again = observation({ status: "included", confirmations: 1, block: block(5) });
    expect(story.observe(observation({ status: "orphaned" }), again)).toEqual([]);
    expect(story.payment.flags).toEqual([]);
  });

  it("tell each reason of loss by itself", () => {
    const story = new Story();
    for (const txId of ["a", "b", "c"]) story.included({ txId, amountAtomic: 5n });
    const told = story.observe(
      observation({ txId: "a", status: "orphaned" }),
      observation({ txId: "b", status: "dropped" }),
      observation({ txId: "c", status: "replaced", replacedBy: "z" }),
    );
    expect(told.slice(3)).toEqual(["payment.double_spend", "payment.double_spend", "payment.reorged"]);
    expect(story.told.slice(3).map((event) => event.data.reason)).toEqual(["replaced", "dropped", "orphaned"]);
  });
});

describe("an observer that does not know the block", () => {
  it("counts by itself", () => {
    const story = new Story();
    story.included({ block: null });
    expect(story.transfer().dueHeight).toBeNull();
    expect(story.head(100)).toEqual([]);
    expect(story.included({ block: null, confirmations: 2 })).toEqual(["transfer.confirmed", "payment.paid"]);
  });

  it("is completed by one that does, and that is no move", () => {
    const story = new Story();
    story.included({ block: null });
    expect(story.included({ block: block(5) })).toEqual(["transfer.included"]);
    expect(story.transfer().dueHeight).toBe(6);
    expect(story.payment.flags).toEqual([]);
  });
});

describe("a transaction that runs again in another block", () => {
  it("may pay another amount", () => {
    const story = new Story();
    story.included();
    story.included({ block: block(6, "b"), amountAtomic: 7n });
    expect(story.payment).toMatchObject({ receivedAtomic: 7n, status: "pending", amountState: "under" });
  });

  it("is gone when it pays another coin, or nothing, or failed", () => {
    for (const change of [{ asset: "FAKE" }, { amountAtomic: 0n }, { status: "failed" as const }]) {
      const story = new Story();
      story.included();
      expect(story.included({ block: block(6, "b"), ...change })).toEqual(["transfer.dropped", "payment.double_spend"]);
      expect(story.payment.receivedAtomic).toBe(0n);
    }
  });
});

describe("confirmations", () => {
  it("are told up to two at least, whatever the policy, also where the amount is not covered", () => {
    const story = new Story({ policy: { confirmationsRequired: 1, finalConfirmations: 4 } });
    expect(story.included({ amountAtomic: 3n })).toEqual(["transfer.confirmed", "payment.partially_paid"]);
    expect(story.transfer().dueHeight).toBe(6);
    expect(story.head(6)).toEqual(["payment.confirmation"]);
    expect(story.told[0]?.data.transfers).toMatchObject([{ txId: "tx1", confirmations: 2 }]);
    expect(story.transfer().dueHeight, "then not before final").toBe(8);
    expect(story.head(7)).toEqual([]);
    expect(story.head(8)).toEqual(["transfer.final"]);
    expect(story.transfer().dueHeight).toBeNull();
  });

  it("are told up to two even when one is final", () => {
    const story = new Story({ policy: { confirmationsRequired: 1, finalConfirmations: 1 } });
    expect(story.included()).toEqual(["transfer.final", "payment.paid", "payment.finalized"]);
    expect(story.head(6)).toEqual(["payment.confirmation"]);
    expect(story.head(7)).toEqual([]);
  });

  it("jump once when the chain calls it final, and are not told any more", () => {
    const story = new Story();
    expect(story.included({ confirmations: 3, final: true })).toEqual([
      "transfer.final",
      "payment.paid",
      "payment.finalized",
    ]);
    expect(story.transfer()).toMatchObject({ confirmations: 3, dueHeight: null });
    expect(story.head(9)).toEqual([]);
    expect(story.included({ confirmations: 5, final: true })).toEqual([]);
  });

  it("do not depend on how many blocks came at once", () => {
    const slow = new Story();
    const fast = new Story();
    for (const story of [slow, fast]) story.included();
    for (let height = 6; height <= 12; height += 1) slow.head(height);
    fast.head(12);
    expect(fast.state.transfers).toEqual(slow.state.transfers);
    expect(fast.payment).toMatchObject({ status: slow.status, confirmations: slow.payment.confirmations });
  });

  it("of a payment are those that cover the amount", () => {
    const story = new Story();
    story.included({ amountAtomic: 9n, confirmations: 2 });
    expect(story.payment.confirmations).toBe(0);
    story.included({ txId: "tx2", amountAtomic: 1n, block: block(6) });
    expect(story.payment.confirmations).toBe(1);
  });
});

describe("replacements", () => {
  it("by a transaction that pays this payment too raise the fee: rbf", () => {
    const story = new Story();
    story.seen({ replaceable: true });
    const told = story.observe(
      observation({ status: "replaced", replacedBy: "tx2" }),
      observation({ txId: "tx2", replaceable: true }),
    );
    expect(told).toEqual(["transfer.replaced", "transfer.seen", "payment.double_spend"]);
    expect(story.payment).toMatchObject({ status: "confirming", flags: ["rbf"], coveringTxId: "tx2" });
  });

  it("by an unnamed transaction are told apart by what they spend", () => {
    const story = new Story();
    story.seen({ spends: ["coin:0"] });
    story.observe(observation({ status: "replaced" }), observation({ txId: "tx2", spends: ["coin:0"] }));
    expect(story.payment.flags).toEqual(["rbf"]);
    story.lost("replaced", { txId: "tx2" });
    expect(story.payment.flags).toEqual(["rbf", "double_spend"]);
  });

  it("after a reorg are a double spend of their own", () => {
    const story = new Story();
    story.included();
    story.lost("orphaned");
    expect(story.lost("replaced", { replacedBy: "thief" })).toEqual(["transfer.replaced", "payment.double_spend"]);
  });
});

describe("a transfer that is not credited", () => {
  it("pays in another coin, or on another chain", () => {
    for (const change of [{ asset: "FAKE" }, { chain: "other" }]) {
      const story = new Story();
      expect(story.seen(change)).toEqual([]);
      expect(story.rejected).toMatchObject([{ why: "wrong_asset", observation: change }]);
      expect(story.payment.receivedAtomic).toBe(0n);
    }
  });

  it("is older than the payment", () => {
    const early = new Story();
    early.seen({ observedAtMs: CREATED_AT_MS - 1 });
    expect(early.rejected).toMatchObject([{ why: "older_than_payment" }]);
    const mined = new Story();
    mined.included({ block: block(5, "a", CREATED_AT_MS - 3_600_000) });
    expect(mined.rejected).toMatchObject([{ why: "older_than_payment" }]);
  });

  it("but one whose block's clock lags a little is", () => {
    const story = new Story();
    story.included({ block: block(5, "a", CREATED_AT_MS - 60_000) });
    expect(story.payment.receivedAtomic).toBe(10n);
  });

  it("is one too many", () => {
    const story = new Story({ amountAtomic: 1_000_000n });
    const many = Array.from({ length: MAX_TRANSFERS_PER_PAYMENT + 1 }, (_, at) => observation({ txId: `tx${at}` }));
    story.observe(...many, many.at(-1) as (typeof many)[number]);
    expect(story.state.transfers).toHaveLength(MAX_TRANSFERS_PER_PAYMENT);
    expect(story.rejected, "told once").toMatchObject([{ why: "too_many_transfers" }]);
    expect(story.included({ txId: "tx0" }), "a known one is never refused").toEqual(["transfer.included"]);
  });

  it("moves nothing", () => {
    const story = new Story();
    expect(story.seen({ amountAtomic: 0n })).toEqual([]);
    expect(story.rejected).toEqual([]);
  });
});
