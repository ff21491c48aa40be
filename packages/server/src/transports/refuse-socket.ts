/** Refusing on the bare socket, where there is no response to write to: an upgrade, a request that is none, one too
 * many. An ordinary HTTP answer with the JSON body of every other refusal, then the end. */
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { PaybellError } from "../kit/errors.ts";

/** Seconds after which a client may try again what was refused for lack of room. */
const RETRY_AFTER_SECONDS = 5;

/** Answers and closes. */
export function refuseSocket(socket: Duplex, error: PaybellError): void {
  const { httpStatus, retryable } = error.spec;
  const body = JSON.stringify(error.toBody());
  const head = [
    `HTTP/1.1 ${httpStatus} ${STATUS_CODES[httpStatus] ?? ""}`,
    "Connection: close",
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  if (retryable) head.push(`Retry-After: ${RETRY_AFTER_SECONDS}`);
  // The client may be gone already; there is nobody left to tell.
  socket.on("error", () => socket.destroy());
  socket.once("finish", () => socket.destroy());
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
