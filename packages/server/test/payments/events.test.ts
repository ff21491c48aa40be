/** What an event carries. */
import { describe, expect, it } from "vitest";
import { MAX_TRANSFERS_PER_EVENT } from "../../src/payments/draft.ts";
import { summarise } from "../../src/payments/payment.ts";
import { block, CREATED_AT_MS, observation, Story } from "./given.ts";

describe("an event", () => {
  it("carries the payment as it stood right after it, with its own sequence", () => {
    const story = new Story();
    story.included({ confirmations: 6 });
    expect(story.told.map((event) => [event.type, event.data.payment?.status, event.data.payment?.sequence])).toEqual([
      ["transfer.final", "pending", 2],
      ["payment.paid", "paid", 3],
      ["payment.finalized", "final", 4],
    ]);
    expect(story.told.at(-1)?.data.payment).toEqual(summarise(story.payment));
  });

  it("names the merchant's reference and the transfers that it is about", () => {
    const story = new Story();
    story.included({ amountAtomic: 4n });
    story.included({ txId: "tx2", amountAtomic: 6n });
    story.head(6);
    const paid = story.told.find((event) => event.type === "payment.paid");
    expect(paid?.data.reference).toBe("order-1");
    expect(paid?.data.transfers.map((transfer) => transfer.txId)).toEqual(["tx1", "tx2"]);
  });

  it("stays small: the newest 50 transfers, the one that covered the amount among them", () => {
    const count = MAX_TRANSFERS_PER_EVENT + 10;
    const story = new Story({ amountAtomic: BigInt(count) });
    const many = Array.from({ length: count }, (_, at) =>
      observation({ txId: `tx${at}`, amountAtomic: 1n, observedAtMs: CREATED_AT_MS + at }),
    );
    story.observe(...many);
    const confirming = story.told.find((event) => event.type === "payment.confirming");
    expect(confirming?.data.transfers).toHaveLength(MAX_TRANSFERS_PER_EVENT);
    expect(confirming?.data.transfers.at(-1)?.txId).toBe(`tx${count - 1}`);
  });

  it("of confirmations leaves no transfer out, however many there are", () => {
    const count = MAX_TRANSFERS_PER_EVENT + 10;
    const story = new Story({ amountAtomic: null, policy: { confirmationsRequired: 1, finalConfirmations: 6 } });
    const many = Array.from({ length: count }, (_, at) =>
      observation({ txId: `tx${at}`, status: "included", confirmations: 1, block: block(5) }),
    );
    story.observe(...many);
    expect(story.head(6)).toEqual(["payment.confirmation", "payment.confirmation"]);
    const told = story.told.flatMap((event) => event.data.transfers.map((transfer) => transfer.txId));
    expect(new Set(told).size).toBe(count);
  });

  it("is never dated before the one in front of it, when the clock goes back", () => {
    const story = new Story();
    story.atMs = CREATED_AT_MS + 500;
    story.seen();
    story.atMs = CREATED_AT_MS;
    story.included();
    const times = story.history.map((event) => event.atMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });
});
