/** docs/decisions/0003-blockonomics-top-ups.md, rule by rule. */
import type { TransferStatus, TransferView } from "@paybell/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Follower } from "../../src/protocols/blockonomics/follower.ts";
import { messageJson, type StatusMessage, statusOf } from "../../src/protocols/blockonomics/status.ts";

const transfer = (
  txId: string,
  status: TransferStatus,
  confirmations = 0,
  more: Partial<TransferView> = {},
): TransferView => ({
  txId,
  index: "0",
  amount: "100",
  status,
  confirmations,
  blockHeight: null,
  blockHash: null,
  at: "2026-01-01T00:00:00.900Z",
  ...more,
});

const seen = (txId: string) => transfer(txId, "seen");
const included = (txId: string) => transfer(txId, "included", 1);
const confirmed = (txId: string) => transfer(txId, "confirmed", 2);
const dropped = (txId: string) => transfer(txId, "dropped");

/** A follower, and what it said, as `txid status`. */
function follow(capacity = 100) {
  const messages: StatusMessage[] = [];
  const follower = new Follower({ capacity, tell: (message) => messages.push(message) });
  return {
    messages,
    follower,
    get said() {
      return messages.map(({ txid, status }) => `${txid} ${status}`);
    },
    /** Each argument is a commit. */
    happens(...commits: (TransferView | TransferView[])[]) {
      for (const commit of commits) {
        for (const one of [commit].flat()) follower.hear([one]);
        follower.flush();
      }
    },
  };
}

describe("the status", () => {
  it.each<[TransferStatus, number, number]>([
    ["seen", 0, 0],
    ["included", 1, 1],
    ["included", 2, 2],
    ["confirmed", 1, 1],
    ["confirmed", 2, 2],
    ["final", 1, 1],
    ["final", 6, 2],
    ["orphaned", 0, 0],
    ["replaced", 0, -1],
    ["dropped", 0, -1],
  ])("of a transfer %s with %i confirmations is %i", (status, confirmations, expected) => {
    expect(statusOf({ status, confirmations })).toBe(expected);
  });

  it("is sent as the document writes it, amounts with all their digits", () => {
    const json = messageJson({ status: 0, timestamp: 1470371749, valueAtomic: 2n ** 60n + 1n, txid: 'a"b' });
    expect(json).toBe('{"status":0,"timestamp":1470371749,"value":1152921504606846977,"txid":"a\\"b"}');
    expect(Object.keys(JSON.parse(json))).toEqual(["status", "timestamp", "value", "txid"]);
  });
});

describe("one transaction", () => {
  it("is told at each of its steps, and each step once", () => {
    const it = follow();
    it.happens(seen("a"), seen("a"), included("a"), confirmed("a"), transfer("a", "confirmed", 3));
    it.happens(transfer("a", "final", 6));
    expect(it.said).toEqual(["a 0", "a 1", "a 2"]);
  });

  it("is told with its value and the second in which it was seen", () => {
    const it = follow();
    it.happens(seen("a"));
    expect(it.messages).toEqual([{ status: 0, timestamp: 1767225600, valueAtomic: 100n, txid: "a" }]);
  });

  it("is told step by step also when several are heard before anything is told", () => {
    const it = follow();
    it.happens([seen("a"), included("a"), confirmed("a")]);
    expect(it.said).toEqual(["a 0", "a 1", "a 2"]);
  });

  it("with several outputs is told once, with their sum", () => {
    const it = follow();
    const second = { index: "1", amount: "23" };
    it.happens([seen("a"), transfer("a", "seen", 0, second)], [included("a"), transfer("a", "included", 1, second)]);
    expect(it.messages.map(({ status, valueAtomic }) => [status, valueAtomic])).toEqual([
      [0, 123n],
      [1, 123n],
    ]);
  });

  it("is told to be back at 0 by a reorganisation, and to be lost", () => {
    const it = follow();
    it.happens(seen("a"), confirmed("a"), transfer("a", "orphaned"), dropped("a"), included("a"));
    expect(it.said).toEqual(["a 0", "a 2", "a 0", "a -1", "a 1"]);
  });
});

describe("at connect", () => {
  it("nothing is said where nothing is", () => {
    const it = follow();
    it.follower.begin([]);
    expect(it.said).toEqual([]);
  });

  it("the newest transaction is told, and of the others what changes", () => {
    const it = follow();
    it.follower.begin([included("a"), confirmed("b"), seen("c")]);
    expect(it.said).toEqual(["c 0"]);
    it.happens(transfer("b", "final", 6), confirmed("a"));
    expect(it.said).toEqual(["c 0", "a 2"]);
  });

  it("a lost one is told only if there is no other", () => {
    const one = follow();
    one.follower.begin([seen("a"), dropped("b")]);
    expect(one.said).toEqual(["a 0"]);
    const other = follow();
    other.follower.begin([dropped("a"), dropped("b")]);
    expect(other.said).toEqual(["b -1"]);
  });
});

describe("a second transaction", () => {
  it("waits until the first is settled, and is then told as it stands", () => {
    const it = follow();
    it.happens(seen("a"), seen("b"), included("a"), included("b"));
    expect(it.said).toEqual(["a 0", "a 1"]);
    it.happens(confirmed("a"));
    expect(it.said).toEqual(["a 0", "a 1", "a 2", "b 1"]);
    it.happens(confirmed("b"));
    expect(it.said.at(-1)).toBe("b 2");
  });

  it("follows at once when the first was settled before", () => {
    const it = follow();
    it.happens(seen("a"), confirmed("a"), seen("b"), included("b"));
    expect(it.said).toEqual(["a 0", "a 2", "b 0", "b 1"]);
  });

  it("that replaces the first is told after it, whichever is heard first", () => {
    for (const commit of [
      [transfer("a", "replaced"), seen("b")],
      [seen("b"), transfer("a", "replaced")],
    ]) {
      const it = follow();
      it.happens(seen("a"), commit);
      expect(it.said).toEqual(["a 0", "a -1", "b 0"]);
    }
  });

  it("that is confirmed does not wait for one that is stuck", () => {
    const it = follow();
    it.happens(seen("stuck"), seen("b"), included("b"), confirmed("b"));
    expect(it.said).toEqual(["stuck 0", "b 2"]);
    it.happens(included("stuck"));
    expect(it.said).toEqual(["stuck 0", "b 2", "stuck 1"]);
  });

  it("that is lost before it was told is never mentioned", () => {
    const it = follow();
    it.happens(seen("a"), seen("b"), dropped("b"), confirmed("a"));
    expect(it.said).toEqual(["a 0", "a 2"]);
  });

  it("waits behind those that were heard of before it", () => {
    const it = follow();
    it.happens(seen("a"), seen("b"), seen("c"), confirmed("a"), seen("d"));
    expect(it.said).toEqual(["a 0", "a 2", "b 0"]);
    it.happens(dropped("b"));
    expect(it.said).toEqual(["a 0", "a 2", "b 0", "b -1", "c 0"]);
  });
});

describe("whatever happens", () => {
  const statuses: TransferStatus[] = ["seen", "included", "confirmed", "orphaned", "replaced", "dropped"];
  const step = fc.record({
    txId: fc.constantFrom("a", "b", "c", "d"),
    index: fc.constantFrom("0", "1"),
    status: fc.constantFrom(...statuses),
    confirmations: fc.integer({ min: 1, max: 3 }),
  });
  const inBlock = (status: TransferStatus) => status === "included" || status === "confirmed";
  const view = ({
    txId,
    index,
    status,
    confirmations,
  }: {
    txId: string;
    index: string;
    status: TransferStatus;
    confirmations: number;
  }) => transfer(txId, status, inBlock(status) ? confirmations : 0, { index });

  it("the last word on every transaction that confirms is its confirmation, and no message repeats the one before", () => {
    fc.assert(
      fc.property(fc.array(fc.array(step, { maxLength: 3 }), { maxLength: 30 }), (commits) => {
        const it = follow();
        it.happens(...commits.map((commit) => commit.map(view)));
        it.happens(
          ...["a", "b", "c", "d"].flatMap((txId) =>
            ["0", "1"].map((index) => transfer(txId, "confirmed", 2, { index })),
          ),
        );
        for (const txid of ["a", "b", "c", "d"]) {
          const its = it.messages.filter((message) => message.txid === txid);
          expect(its.at(-1)).toMatchObject({ status: 2, valueAtomic: 200n });
          for (const [index, message] of its.entries()) expect(message).not.toEqual(its[index - 1]);
        }
      }),
    );
  });

  it("no unconfirmed transaction comes between the steps of another", () => {
    fc.assert(
      fc.property(fc.array(fc.array(step, { maxLength: 3 }), { maxLength: 30 }), (commits) => {
        const it = follow();
        it.happens(...commits.map((commit) => commit.map(view)));
        for (const [index, message] of it.messages.entries()) {
          const before = it.messages[index - 1];
          if (!before || before.txid === message.txid || message.status === 2) continue;
          expect([2, -1]).toContain(before.status);
        }
      }),
    );
  });

  it("it remembers a bounded number of transactions, and never forgets the one that it follows", () => {
    const it = follow(3);
    it.happens(seen("a"));
    for (let number = 0; number < 100; number += 1) it.happens(seen(`other${number}`));
    const known = Array.from({ length: 100 }, (_, number) => `other${number}`).filter((id) => it.follower.knows(id));
    expect(known).toEqual(["other98", "other99"]);
    it.happens(confirmed("a"));
    expect(it.said).toEqual(["a 0", "a 2", "other98 0"]);
  });
});
