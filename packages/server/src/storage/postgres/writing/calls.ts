/** The calls of a commit, decided one after the other against the draft. */
import { messageOf } from "../../../kit/errors.ts";
import { LeaseLost } from "../../../log/leases.ts";
import type { Stored } from "../../records.ts";
import { appendCommand } from "./append.ts";
import type { Draft } from "./draft.ts";
import type { Prepared, PreparedCall } from "./prepare.ts";

/** What an append gives for each of its calls. */
export type StoredCall = PromiseSettledResult<readonly Stored[]>;

/** It could be stored, and was not, because another one of its call could not. */
const NOT_KEPT: Stored = { ok: false, reason: "conflict" };

/**
 * One call. What it rests on and was not stored is refused: ids of the payments of such commands are in `undone`, which
 * this call adds to.
 */
export function decideCall(draft: Draft, call: PreparedCall, undone: Set<string>): StoredCall {
  const { commands, progress, allOrNone, fence } = call;
  try {
    if (fence && draft.tokens.get(fence.lease) !== fence.token) throw new LeaseLost(fence);
    const value = draft.step(() => {
      const results = commands.map((command) => decideCommand(draft, command, undone));
      const isWhole = results.every((result) => result.ok);
      if (progress && isWhole) draft.set(draft.progress, progress.chain, progress);
      if (isWhole || !allOrNone) return { keep: true, value: results };
      noteUndone(call, undone);
      return { keep: false, value: results.map((result) => (result.ok ? NOT_KEPT : result)) };
    });
    return { status: "fulfilled", value };
  } catch (error) {
    noteUndone(call, undone);
    return { status: "rejected", reason: error instanceof Error ? error : new Error(messageOf(error)) };
  }
}

/** What was decided after these commands rests on what is not there. */
export function noteUndone({ commands }: PreparedCall, undone: Set<string>): void {
  for (const command of commands) if (command.kind === "payment") undone.add(command.id);
}

function decideCommand(draft: Draft, command: Prepared, undone: Set<string>): Stored {
  if (command.kind === "payment" && undone.has(command.id)) return { ok: false, reason: "conflict" };
  const stored = draft.step(() => {
    const value = appendCommand(draft, command);
    return { keep: value.ok, value };
  });
  if (!stored.ok && command.kind === "payment") undone.add(command.id);
  return stored;
}
