import { describe, expect, it } from "vitest";
import { Published } from "../../src/fanout/published.ts";
import type { LogRecord } from "../../src/log/event-log.ts";

const record: LogRecord = {
  offset: 1,
  id: "evt_1",
  type: "payment.created",
  merchantId: "merchant",
  paymentId: null,
  sequence: null,
  atMs: 0,
  data: { payment: null, transfers: [] },
  topics: [],
};

describe("Published", () => {
  it("makes what one audience sees once, however many ask, and another audience's apart", () => {
    const published = new Published(record);
    let made = 0;
    const encode = () => Buffer.from(`${++made}`);
    const first = published.encodeOnce("native/public", encode);
    expect(published.encodeOnce("native/public", encode)).toBe(first);
    expect(published.encodeOnce("native/merchant", encode)).not.toBe(first);
    expect(made).toBe(2);
  });

  it("remembers that there is nothing to say, too", () => {
    const published = new Published(record);
    let asked = 0;
    const nothing = () => {
      asked += 1;
      return null;
    };
    expect([published.encodeOnce("a", nothing), published.encodeOnce("a", nothing)]).toEqual([null, null]);
    expect(asked).toBe(1);
  });
});
