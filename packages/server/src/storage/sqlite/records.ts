/** What the writer stored, as its callers are told it. */
import type { AppendCall, AppendResult } from "../../log/event-log.ts";
import { resultsOf } from "../records.ts";
import { fromWire } from "./rpc.ts";
import type { StoredCall } from "./writing/commit.ts";

export type Appended = PromiseSettledResult<readonly AppendResult[]>;

/** What the callers of an append get. */
export function appendedFrom(
  epoch: string,
  calls: readonly AppendCall[],
  stored: readonly StoredCall[],
): readonly Appended[] {
  return calls.map(({ commands }, at): Appended => {
    const outcome = stored[at];
    if (!outcome) throw new Error("The writer gave no answer to a call.");
    if (!outcome.ok) return { status: "rejected", reason: fromWire(outcome.error) };
    return { status: "fulfilled", value: resultsOf(epoch, commands, outcome.value) };
  });
}
