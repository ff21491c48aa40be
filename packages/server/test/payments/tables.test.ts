/** What must hold of the tables themselves, whatever is in their cells. */
import { PAYMENT_STATUSES, type PaymentStatus } from "@paybell/protocol";
import { describe, expect, it } from "vitest";
import { COVERAGES, type Coverage } from "../../src/payments/coverage.ts";
import { NEW_FUNDS, TIME_TRIGGERS, TRANSITIONS, type Transition } from "../../src/payments/transitions.ts";

/** The transitions from a status at a coverage, until the table says stay. */
function path(from: PaymentStatus, coverage: Coverage): Transition[] {
  const steps: Transition[] = [];
  for (let status = from; steps.length <= PAYMENT_STATUSES.length; ) {
    const step = TRANSITIONS[status][coverage];
    if (step.to === status) return steps;
    steps.push(step);
    status = step.to;
  }
  throw new Error(`${from} at ${coverage} goes round in circles`);
}

describe.each(PAYMENT_STATUSES)("from %s", (status) => {
  it.each(COVERAGES)("coverage %s leads somewhere and stays there", (coverage) => {
    const steps = path(status, coverage);
    const events = steps.map((step) => step.event);
    const firstTold = events.findIndex((event) => event !== null);
    expect(firstTold === -1 ? [] : events.slice(firstTold), "nothing silent behind what was told").not.toContain(null);
  });

  it("staying is silent, and time always tells", () => {
    for (const coverage of COVERAGES) {
      const { to, event } = TRANSITIONS[status][coverage];
      if (to === status) expect(event).toBeNull();
    }
    expect(TIME_TRIGGERS[status]?.event).not.toBeNull();
  });
});

it("more coverage never leads to a worse place", () => {
  const rank: Record<PaymentStatus, number> = {
    cancelled: 0,
    failed: 0,
    expired: 0,
    pending: 1,
    reversed: 1,
    confirming: 2,
    paid: 3,
    final: 4,
  };
  for (const status of PAYMENT_STATUSES) {
    const places = COVERAGES.map((coverage) => rank[path(status, coverage).at(-1)?.to ?? status]);
    expect(places, status).toEqual(places.toSorted((a, b) => a - b));
  }
});

it("paid and final are reached by coverage only through confirmed or final transfers", () => {
  for (const status of PAYMENT_STATUSES) {
    for (const coverage of ["none", "under", "seen", "included"] as const) {
      const last = path(status, coverage).at(-1)?.to ?? status;
      if (last !== "paid") expect(last === "final", `${status} at ${coverage}`).toBe(false);
      else expect(["paid", "final"], "it was paid before, and stays so at `included` only").toContain(status);
    }
  }
});

it("new money that moves no status is told in every status, as funds or as overpaid", () => {
  for (const status of PAYMENT_STATUSES) {
    const covered = (["seen", "included", "confirmed", "final"] as const).some(
      (coverage) => TRANSITIONS[status][coverage].to === status,
    );
    expect(NEW_FUNDS[status] !== null || covered, status).toBe(true);
  }
});
