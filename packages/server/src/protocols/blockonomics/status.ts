/** What Blockonomics calls the status of a transaction, and its message. Source: the document, "Response Format". */
import type { TransferView } from "@paybell/protocol";

/** 0 unconfirmed, 1 partially confirmed, 2 confirmed, -1 replaced or dropped. */
export type Status = -1 | 0 | 1 | 2;

/** Whatever the payment's own policy: the document's clients expect it. */
const CONFIRMATIONS_FOR_CONFIRMED = 2;

export function statusOf(transfer: Pick<TransferView, "status" | "confirmations">): Status {
  switch (transfer.status) {
    case "seen":
    case "orphaned":
      return 0;
    case "replaced":
    case "dropped":
      return -1;
    case "included":
    case "confirmed":
    case "final":
      return transfer.confirmations >= CONFIRMATIONS_FOR_CONFIRMED ? 2 : 1;
  }
}

export interface StatusMessage {
  status: Status;
  /** Unix seconds of the transaction. */
  timestamp: number;
  /** Satoshi, or the atomic units of whatever chain. */
  valueAtomic: bigint;
  txid: string;
}

/** `value` is a JSON number with all its digits. Above 2^53-1 (no amount of bitcoin is) JavaScript rounds it when it
 * parses it; see docs/decisions/0003-blockonomics-top-ups.md. */
export function messageJson({ status, timestamp, valueAtomic, txid }: StatusMessage): string {
  return `{"status":${status},"timestamp":${timestamp},"value":${valueAtomic},"txid":${JSON.stringify(txid)}}`;
}
