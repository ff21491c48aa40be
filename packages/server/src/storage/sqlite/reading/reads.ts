/** What the reader thread can be asked. */
import { head, offsetSince, readAfter } from "./log.ts";
import { idempotentAnswer, keyByHash, keys, merchant, merchants, settings } from "./merchants.ts";
import { countByStatus, latestOnAddress, list, loadForDecision, snapshot } from "./payments.ts";
import { creditedPayments, merchantsOnAddress, route } from "./route.ts";
import { sandboxBlock, sandboxBlockAt, sandboxHead, sandboxTransactions } from "./sandbox.ts";
import { dueAtHeight, dueAtTime, openTransfers, progress, transfersInBlock, watchedRecipients } from "./watch.ts";

export const reads = {
  head,
  readAfter,
  offsetSince,
  loadForDecision,
  snapshot,
  list,
  countByStatus,
  latestOnAddress,
  merchantsOnAddress,
  route,
  creditedPayments,
  dueAtHeight,
  dueAtTime,
  transfersInBlock,
  openTransfers,
  watchedRecipients,
  progress,
  merchants,
  merchant,
  settings,
  keys,
  keyByHash,
  idempotentAnswer,
  sandboxHead,
  sandboxBlock,
  sandboxBlockAt,
  sandboxTransactions,
};
export type Reads = typeof reads;
