/**
 * The one registry of errors: every refusal of Paybell, on HTTP and on WebSocket, has its code here.
 * `docs/reference/errors.md` is generated from it.
 */
export interface ErrorSpec {
  /** HTTP status of the answer. */
  httpStatus: number;
  /** WebSocket close code, where the error ends a connection. 4000–4099: do not come back unchanged; 4100–4199: come
   * back after a pause; 4200–4299: come back at once. 1000–1015 are RFC 6455's. */
  closeCode: number | null;
  /** May the same request succeed later, unchanged? */
  retryable: boolean;
  meaning: string;
  whatToDo: string;
}

const spec = (
  httpStatus: number,
  closeCode: number | null,
  retryable: boolean,
  meaning: string,
  whatToDo: string,
): ErrorSpec => ({ httpStatus, closeCode, retryable, meaning, whatToDo });

export const ERRORS = {
  invalid_request: spec(
    400,
    4000,
    false,
    "The request does not have the documented form.",
    "Read `details`: it names each field, what was wrong and what is allowed.",
  ),
  invalid_json: spec(
    400,
    4000,
    false,
    "The body or message is not JSON.",
    "Send UTF-8 JSON with `Content-Type: application/json`.",
  ),
  invalid_cursor: spec(
    400,
    4000,
    false,
    "The cursor was not issued by Paybell.",
    "Send back a `position` or `next` exactly as you got it.",
  ),
  unauthorized: spec(
    401,
    4001,
    false,
    "No key, or one that is not known.",
    "Send `Authorization: Bearer <secret key>`; create one with `paybell keys create`.",
  ),
  forbidden: spec(
    403,
    4003,
    false,
    "The key or the origin may not do this.",
    "Use a secret key, or add the origin to PAYBELL_ALLOWED_ORIGINS.",
  ),
  host_not_allowed: spec(
    403,
    null,
    false,
    "The sandbox answers only to names of this machine, so that a web page cannot reach it under a name of its own.",
    "Use localhost or 127.0.0.1, name the host under `hosts`, or set PAYBELL_SANDBOX_PUBLIC=1.",
  ),
  sandbox_only: spec(
    403,
    null,
    false,
    "This call exists only in the sandbox.",
    "Start with PAYBELL_MODE=sandbox, or leave the call out.",
  ),
  not_found: spec(
    404,
    4004,
    false,
    "There is nothing by that name, or it belongs to another merchant.",
    "Check the id and the key's merchant.",
  ),
  method_not_allowed: spec(405, null, false, "The path exists, the method does not.", "See /openapi.json."),
  address_in_use: spec(
    409,
    null,
    false,
    "Another open payment already waits on this address for the same match, so a transfer could not be told apart.",
    "Use a fresh address or another `match`, or wait until the other payment is final, expired or cancelled.",
  ),
  gap_exhausted: spec(
    409,
    null,
    true,
    "Too many unused addresses in a row were given out; wallets would not find payments beyond the gap.",
    "Wait until one of them is paid, or raise `gapLimit`.",
  ),
  invalid_state: spec(
    409,
    null,
    false,
    "The payment's status does not allow this.",
    "Read the payment; `details.status` says where it stands.",
  ),
  out_of_stock: spec(
    409,
    null,
    true,
    "There are not as many units free as are wanted.",
    "Read `details.products`: it names each product with `wanted` and `available`.",
  ),
  pending_order_exists: spec(
    409,
    null,
    true,
    "The customer has an order that is still pending; there can be one at a time.",
    "Have it paid or cancelled first: `details.pendingOrderId` is its id.",
  ),
  below_reserved: spec(
    409,
    null,
    true,
    "The stock would fall below what is reserved for orders.",
    "Read `details`: `stock` and `reserved` as they are now. Cancel orders, or wait until they are paid or expire.",
  ),
  stock_mismatch: spec(
    409,
    null,
    false,
    "The stock is not what `expectedStock` says: it was changed meanwhile.",
    "Read `details.stock`, count again, and send the new numbers.",
  ),
  idempotency_mismatch: spec(
    409,
    null,
    false,
    "This Idempotency-Key was used with another request.",
    "Use a new key for a new request.",
  ),
  idempotency_in_progress: spec(
    409,
    null,
    true,
    "The first request with this Idempotency-Key is still being carried out.",
    "Repeat in a moment.",
  ),
  conflict: spec(409, null, true, "The payment changed while the request was carried out.", "Repeat the request."),
  cursor_expired: spec(
    410,
    4010,
    false,
    "The log does not reach back to this cursor (trimmed, or the database was restored).",
    "Read the payments again (a WebSocket sends a snapshot with its position), then go on without the cursor.",
  ),
  request_timeout: spec(
    408,
    null,
    true,
    "The request did not arrive completely in time.",
    "Send it in one go; see `handshakeTimeoutMs` and `requestTimeoutMs`.",
  ),
  headers_too_large: spec(
    431,
    null,
    false,
    "The head of the request is larger than allowed.",
    "Send fewer or shorter headers, or a shorter URL; see `headerBytes`.",
  ),
  payload_too_large: spec(
    413,
    1009,
    false,
    "The body or message is larger than allowed.",
    "Read `details.limit` for the number of bytes; send less, or in several requests.",
  ),
  unsupported_media_type: spec(415, null, false, "The body is not JSON.", "Send `Content-Type: application/json`."),
  not_supported: spec(
    422,
    null,
    false,
    "The chain or asset is not configured, or what was asked for is not for it.",
    "Read `details.allowed`; chains and assets are set in paybell.config.json.",
  ),
  rate_limited: spec(429, 4108, true, "Too many requests or messages from this client.", "Wait for `Retry-After`."),
  too_many_connections: spec(
    503,
    1013,
    true,
    "A limit on connections is reached.",
    "Close unused connections; come back after a pause.",
  ),
  too_many_subscriptions: spec(
    400,
    null,
    false,
    "This connection may not follow more topics.",
    "Unsubscribe, or open another connection.",
  ),
  overloaded: spec(
    503,
    1013,
    true,
    "More is waiting to be written than the server accepts, or the database cannot be used at the moment.",
    "Wait for `Retry-After`.",
  ),
  not_ready: spec(503, 1013, true, "The server is starting or stopping.", "Come back after a pause."),
  slow_consumer: spec(
    503,
    4100,
    true,
    "The client reads more slowly than events arrive, and its buffer is full.",
    "Reconnect and go on from the last position received.",
  ),
  idle_timeout: spec(408, 4101, true, "Nothing was received or answered for too long.", "Reconnect; answer pings."),
  shutting_down: spec(503, 1012, true, "The server is being restarted.", "Reconnect after a short, random pause."),
  internal_error: spec(
    500,
    1011,
    true,
    "Paybell failed; the log of the server says why.",
    "Repeat; if it stays, report it with the request id.",
  ),
} as const satisfies Record<string, ErrorSpec>;

export type ErrorCode = keyof typeof ERRORS;

/** `{"error":{"code","message","details?"}}`: the body of every refusal on the native API. */
export interface ErrorBody {
  error: { code: ErrorCode; message: string; details?: unknown };
}
