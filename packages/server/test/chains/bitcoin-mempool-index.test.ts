import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MempoolIndex } from "../../src/chains/bitcoin/mempool-index.ts";

const script = (id: number) => `0014${id.toString(16).padStart(12, "0")}${"0".repeat(28)}`;

describe("the index of the mempool", () => {
  it("finds every transaction that pays a script, as long as it is there", () => {
    const step = fc.record({
      txId: fc.nat(8).map(String),
      pays: fc.array(fc.nat(4), { maxLength: 3 }),
      add: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const index = new MempoolIndex();
        const model = new Map<string, readonly number[]>();
        for (const { txId, pays, add } of steps) {
          if (add) index.add(txId, pays.map(script));
          else index.delete(txId);
          if (add) model.set(txId, model.get(txId) ?? pays);
          else model.delete(txId);
        }
        expect(index.size).toBe(model.size);
        for (let id = 0; id <= 4; id += 1) {
          const expected = [...model].filter(([, pays]) => pays.includes(id)).map(([txId]) => txId);
          expect([...index.lookUp(script(id))].sort()).toEqual(expected.sort());
        }
      }),
    );
  });

  it("forgets what has left the mempool", async () => {
    const index = new MempoolIndex();
    index.add("stays", [script(1)]);
    index.add("leaves", [script(1), script(2)]);
    await index.retain(new Set(["stays", "unknown"]));
    expect(index.has("leaves")).toBe(false);
    expect(index.lookUp(script(1))).toEqual(["stays"]);
    expect(index.lookUp(script(2))).toEqual([]);
  });

  it("tells the kinds of scripts apart by their hashes, wherever those begin", () => {
    const hash = "c0ffee0123456789abcdefc0ffee0123456789ab";
    const other = `d${hash.slice(1)}`;
    const index = new MempoolIndex();
    for (const kind of [
      (of: string) => `0014${of}`,
      (of: string) => `a914${of}87`,
      (of: string) => `76a914${of}88ac`,
    ]) {
      index.add(kind(hash), [kind(hash)]);
      expect(index.lookUp(kind(hash))).toContain(kind(hash));
    }
    expect(index.lookUp(`76a914${other}88ac`)).toEqual([]);
  });
});
