/** What Node refuses before there is a request: its head is too large, too slow, or no HTTP. Answered like any other. */
import type { Duplex } from "node:stream";
import { ERRORS, type ErrorCode } from "@paybell/protocol";
import { PaybellError } from "../kit/errors.ts";
import type { Limits } from "../kit/limits.ts";
import { refuseSocket } from "../transports/refuse-socket.ts";

type ClientError = Error & { code?: string };

const CODES: Readonly<Record<string, ErrorCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: "request_timeout",
  HPE_HEADER_OVERFLOW: "headers_too_large",
  HPE_CHUNK_EXTENSIONS_OVERFLOW: "payload_too_large",
};

export function answerClientError(
  limits: Limits,
  onRefused: (code: ErrorCode) => void,
): (error: ClientError, socket: Duplex) => void {
  return (error, socket) => {
    // Reset by the client, no TLS (an answer would wait for ever to be encrypted), or an answer is on its way already:
    // nothing may be written between its bytes.
    if (!isHttp(error) || !socket.writable || hasAnswered(socket)) {
      socket.destroy();
      return;
    }
    const code = CODES[error.code ?? ""] ?? "invalid_request";
    onRefused(code);
    const details = code === "headers_too_large" ? { limit: limits.headerBytes } : undefined;
    const message = code === "invalid_request" ? "This is no HTTP request." : ERRORS[code].meaning;
    refuseSocket(socket, new PaybellError(code, message, details));
  };
}

/** From the parser of HTTP, or about its time; other errors are the connection's. */
function isHttp({ code = "" }: ClientError): boolean {
  return code.startsWith("HPE_") || code === "ERR_HTTP_REQUEST_TIMEOUT";
}

/** Node keeps the response that is being written on the socket; its own handler looks there too. */
function hasAnswered(socket: Duplex): boolean {
  return (socket as { _httpMessage?: { headersSent?: boolean } })._httpMessage?.headersSent === true;
}
