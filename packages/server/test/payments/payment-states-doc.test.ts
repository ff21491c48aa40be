/** PAYMENT_STATES.md says what the code does. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { renderPaymentStates } from "../../../../tools/generate-payment-states.ts";
import { INVARIANTS } from "../../../../tools/payment-states/prose.ts";

describe("PAYMENT_STATES.md", () => {
  it("is what `npm run docs` makes of the tables", () => {
    const written = readFileSync(new URL("../../../../PAYMENT_STATES.md", import.meta.url), "utf8");
    expect(written).toBe(renderPaymentStates());
  });

  it.each(INVARIANTS)("names a test that exists: $test", ({ file, test }) => {
    const path = new URL(file, import.meta.url);
    expect(existsSync(path), file).toBe(true);
    expect(readFileSync(path, "utf8")).toContain(`"${test}"`);
  });
});
