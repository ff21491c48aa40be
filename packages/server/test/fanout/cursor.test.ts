import { describe, expect, it } from "vitest";
import { positionAt, resolveCursor } from "../../src/fanout/cursor.ts";

const log = { epoch: "abc123", head: async () => 10 };

describe("a cursor", () => {
  it.each([0, 1, 10])("stands for the offset %i that it was made of", async (offset) => {
    expect(await resolveCursor(log, positionAt(log, offset))).toBe(offset);
  });

  it.each(["", "x", "abc123", "abc123.0", "abc123.0.-1", "abc123.0.1.5", " abc123.0.1", "abc123.0.1\n", "ABC.0.1"])(
    "%j was never one of ours",
    async (text) => {
      await expect(resolveCursor(log, text)).rejects.toMatchObject({ code: "invalid_cursor" });
    },
  );

  it.each(["abc124.0.1", "abc123.1.1", "abc123.0.11"])("%s has expired", async (text) => {
    await expect(resolveCursor(log, text)).rejects.toMatchObject({ code: "cursor_expired" });
  });
});
