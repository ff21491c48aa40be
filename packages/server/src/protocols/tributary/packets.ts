/** Messages as Socket.IO events. A payment is encoded once for all who hear it. */
import { positionAt } from "../../fanout/cursor.ts";
import type { Published } from "../../fanout/published.ts";
import type { EventLog } from "../../log/event-log.ts";
import type { EventPacket } from "../../transports/socketio/connection.ts";
import { eventPacket } from "../../transports/socketio/event-packet.ts";
import { type Execution, executionOf } from "./execution.ts";
import { type AckMessage, type ErrorMessage, paymentMessage } from "./messages.ts";
import { resumeToken } from "./resume-token.ts";

/** What the record executes, worked out once for all who hear it. */
export function executionIn(published: Published): Execution | null {
  return published.encodeOnce("tributary/execution", executionOf);
}

/** For a client that follows other ids too: its resume token stays that of its last `ack`. */
export function paymentPacket(published: Published, execution: Execution): EventPacket {
  return published.encodeOnce("tributary/packet", () => eventPacket("payment", [paymentMessage(execution)]));
}

/** For clients that follow this id alone: they all come back with the same resume token. */
export function solePaymentPacket(
  published: Published,
  execution: Execution,
  log: Pick<EventLog, "epoch">,
): EventPacket {
  return published.encodeOnce("tributary/sole-packet", ({ offset }) => {
    const token = resumeToken({ at: positionAt(log, offset), trackingIds: [execution.trackingId] });
    return eventPacket("payment", [paymentMessage(execution)], token);
  });
}

export function ackPacket(message: AckMessage, token?: string): EventPacket {
  return eventPacket("ack", [message], token);
}

export function errorPacket(message: ErrorMessage): EventPacket {
  return eventPacket("error", [message]);
}
