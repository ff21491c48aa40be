/** What a database is asked first: which mode it was made in, and which epoch its offsets belong to. */
import { randomBytes } from "node:crypto";

export type Mode = "sandbox" | "live";

/** 10 characters of a-z and 0-9: 51 bits. */
export function newEpoch(): string {
  return (randomBytes(8).readBigUInt64BE() % 36n ** 10n).toString(36).padStart(10, "0");
}
