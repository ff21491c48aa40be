/** Single writes beside the log; each shares the commit of what waits with it. */
import { deleteExpiredAnswers, storeIdempotentAnswer } from "./idempotency.ts";
import { changeSettings, createKey, createMerchant, revokeKey, setXpub, takeDerivationIndex } from "./merchants.ts";
import { commitSandbox } from "./sandbox.ts";

export const writes = {
  createMerchant,
  setXpub,
  changeSettings,
  createKey,
  revokeKey,
  takeDerivationIndex,
  storeIdempotentAnswer,
  deleteExpiredAnswers,
  commitSandbox,
};
export type Writes = typeof writes;
