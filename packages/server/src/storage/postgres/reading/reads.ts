/** What can be asked of the database. Each is one statement, or one transaction: of one moment. */
import { accessTokenByHash, accessTokens } from "./access-tokens.ts";
import { keysAfter, keysSince } from "./keys.ts";
import { head, offsetSince, readAfter } from "./log.ts";
import { addresses, idempotentAnswer, keyByHash, keys, merchant, merchants, settings } from "./merchants.ts";
import { countByStatus, latestOnAddress, list, loadForDecision, snapshot } from "./payments.ts";
import { countOrders, listProducts, pendingOrder, products } from "./products.ts";
import { creditedPayments, merchantsOnAddress, route } from "./route.ts";
import { newerSandboxHead, sandboxBlock, sandboxBlockAt, sandboxTransactions } from "./sandbox.ts";
import { session } from "./sessions.ts";
import { dueAtHeight, openTransfers, progress, transfersInBlock, watchedRecipients } from "./watch.ts";

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
  products,
  listProducts,
  pendingOrder,
  countOrders,
  route,
  creditedPayments,
  dueAtHeight,
  keysAfter,
  keysSince,
  transfersInBlock,
  openTransfers,
  watchedRecipients,
  progress,
  merchants,
  merchant,
  addresses,
  settings,
  keys,
  keyByHash,
  accessTokens,
  accessTokenByHash,
  idempotentAnswer,
  session,
  newerSandboxHead,
  sandboxBlock,
  sandboxBlockAt,
  sandboxTransactions,
};
export type Reads = typeof reads;
