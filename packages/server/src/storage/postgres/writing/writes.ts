/** Single writes beside the log; each in a transaction of its own. */
import { issueAccessToken } from "./access-tokens.ts";
import { deleteExpiredAnswers, storeIdempotentAnswer } from "./idempotency.ts";
import {
  changeSettings,
  createKey,
  createMerchant,
  revokeKey,
  setAddress,
  setXpub,
  takeDerivationIndex,
} from "./merchants.ts";
import { stepSandbox } from "./sandbox.ts";
import { deleteOldSessions, keepSession } from "./sessions.ts";

export const writes = {
  createMerchant,
  setXpub,
  setAddress,
  changeSettings,
  createKey,
  revokeKey,
  issueAccessToken,
  takeDerivationIndex,
  storeIdempotentAnswer,
  deleteExpiredAnswers,
  keepSession,
  deleteOldSessions,
  stepSandbox,
};
export type Writes = typeof writes;
