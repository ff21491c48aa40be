/**
 * Every limit by name: default, unit, meaning. Set in `paybell.config.json` under `limits`.
 * Source: DESIGN.md, promise 6. `docs/reference/limits.md` is generated from this table.
 */
export interface LimitSpec {
  default: number;
  min: number;
  max: number;
  unit: string;
  meaning: string;
  /** Counted over all nodes on one database, not by each process for itself. */
  overNodes?: boolean;
}

const limit = (def: number, unit: string, meaning: string, min = 1, max = Number.MAX_SAFE_INTEGER): LimitSpec => ({
  default: def,
  min,
  max,
  unit,
  meaning,
});

const overNodes = (spec: LimitSpec): LimitSpec & { overNodes: true } => ({ ...spec, overNodes: true });

export const LIMITS = {
  sockets: limit(
    25_000,
    "connections",
    "Open TCP connections of this process, also those on which nothing has come yet. Fewer where the process may not open so many files. Beyond it: 503 and the end.",
  ),
  socketsPerAddress: limit(
    4_000,
    "connections",
    "Of these, from one address (IPv6: one /64); trusted proxies may have more. Beyond it: 503 and the end.",
  ),
  pendingHandshakes: limit(
    5_000,
    "connections",
    "Of these, on which no complete request head has come yet. One more takes the place of the oldest, which is cut: whoever completes his request in time gets in, however many others do not.",
  ),
  connections: limit(
    20_000,
    "connections",
    "Open WebSocket, Socket.IO, SSE and long-polling connections of this process. Beyond it: 503 `too_many_connections` before the upgrade.",
  ),
  connectionsPerAddress: overNodes(limit(2_000, "connections", "Of these, from one client address (IPv6: one /64).")),
  connectionsPerMerchant: overNodes(
    limit(
      15_000,
      "connections",
      "Of these, that follow something of one merchant, so that his visitors leave room for others. With several nodes raise it with their number where one merchant may fill them all. identiPay's are counted by a limit of their own.",
    ),
  ),
  subscriptionsPerConnection: limit(100, "topics", "Topics that one native WebSocket may follow."),
  handshakeTimeoutMs: limit(
    10_000,
    "ms",
    "Time for a client to send its complete request head, and before it to finish the TLS handshake. Beyond it: 408. Also for a Socket.IO client to ask for the main namespace and to complete its upgrade to WebSocket.",
  ),
  requestTimeoutMs: limit(
    30_000,
    "ms",
    "Time for a client to send its complete request, the body included. Beyond it: 408. At least `handshakeTimeoutMs`.",
  ),
  responseTimeoutMs: limit(
    120_000,
    "ms",
    "An HTTP connection on which a request is under way or answered and no byte moves for so long is cut. More than `longPollMs` and `pingIntervalMs`.",
  ),
  keepAliveMs: limit(75_000, "ms", "An HTTP connection that waits for its next request for so long is closed."),
  messageBytes: limit(
    16_384,
    "bytes",
    "Largest WebSocket message, and largest Socket.IO body, that a client may send. Beyond it: close 1009, or 413 and the end of the connection.",
  ),
  framesPerMessage: limit(
    128,
    "frames",
    "Frames in which a client may send one WebSocket message; empty ones count. Beyond it: close 1008.",
  ),
  messagesPerSecond: limit(
    200,
    "messages/s",
    "WebSocket messages, Socket.IO packets, pings and pongs that one client may send, on average; bursts of twice that. Beyond it: close 4108.",
  ),
  messagesPerSecondPerAddress: limit(
    2_000,
    "messages/s",
    "The same for all connections of one client address (IPv6: one /64) together: who opens many of them may not flood with all. Beyond it: close 4108 of each that sends, but for those that have hardly sent anything of late.",
  ),
  keylessRequestsPerSecond: limit(
    200,
    "requests/s",
    "HTTP requests without a secret key from one client address (IPv6: one /64), on average; bursts of twice that. On a Socket.IO path, requests that belong to no open connection, counted by themselves. Beyond it: 429 with Retry-After.",
  ),
  bufferedBytes: limit(
    1_048_576,
    "bytes",
    "Bytes that wait for one slow client. Beyond it: close 4100 `slow_consumer`.",
  ),
  idleTimeoutMs: limit(
    1_800_000,
    "ms",
    "A connection on which the client neither sent a message nor answered a ping for so long is closed with 4101.",
  ),
  closeTimeoutMs: limit(
    5_000,
    "ms",
    "Time for a client to take what still waits for it and to answer the close. Beyond it the connection is cut.",
  ),
  pingIntervalMs: limit(
    30_000,
    "ms",
    "WebSocket pings, Socket.IO pings (two thirds of it are the time to answer) and SSE comments, so that proxies keep a quiet connection and dead ones are noticed.",
  ),
  bodyBytes: limit(262_144, "bytes", "Largest HTTP body. Beyond it: 413."),
  headerBytes: limit(16_384, "bytes", "Largest HTTP request head. Beyond it: 431."),
  pageSize: limit(1_000, "items", "Largest `limit` of a list."),
  observationsPerRequest: limit(1_000, "observations", "Observations in one POST /v1/observations."),
  longPollMs: limit(30_000, "ms", "Largest `waitMs`."),
  pendingCommands: limit(
    10_000,
    "commands",
    "Commands that wait for the disk. Beyond it: 503 `overloaded` with Retry-After.",
  ),
  databaseConnections: limit(
    10,
    "connections",
    "On PostgreSQL: connections of this process for what is read and for single writes; more of these wait. Besides them it has up to four: one that appends to the log, one that listens, two for its leases.",
  ),
  databaseStatementMs: limit(
    10_000,
    "ms",
    "On PostgreSQL: a statement that takes longer is ended, and what wanted it is refused with 503; nothing of it is stored.",
    100,
  ),
  leaseMs: limit(
    3_000,
    "ms",
    "On PostgreSQL: a node that watches a chain and says nothing for so long is replaced by another one. It says something three times in it; others look six times in it.",
    500,
  ),
  replayPage: limit(500, "records", "Records read from the log in one step while a client catches up."),
  liveBuffer: limit(
    1_000,
    "records",
    "Live records that wait while a client catches up. Beyond it they are read from the log again.",
  ),
  replayRecords: limit(
    10_000,
    "records",
    "Records of one topic, the newest, in which a wire without a cursor looks for what a client missed. A payment has 4 to 8: what a busy merchant's own channel replays of the window is bounded by it.",
  ),
  rememberedSessions: limit(
    100_000,
    "sessions",
    "Socket.IO sessions of which is remembered what they have joined, for a little more than `replayWindowMs`. Beyond it those that were not seen for the longest are forgotten: such a client joins again by itself.",
  ),
  cryptoShopRoomsPerConnection: limit(
    10,
    "rooms",
    "Users, and the stock of the shop, that one Crypto Shop connection may join. Beyond it: `error`.",
  ),
  transfersPerPayment: limit(
    1_000,
    "transfers",
    "Transfers credited to one payment with an amount; further ones are unattributed. A standing payment has no such limit.",
  ),
  gapLimit: limit(
    1_000,
    "addresses",
    "Unused addresses in a row that are derived from an extended public key. Beyond it: 409 `gap_exhausted`.",
  ),
  metadataBytes: limit(16_384, "bytes", "Largest `metadata` of a payment, as JSON."),
  identipayConnectionsPerMerchant: overNodes(
    limit(
      50,
      "connections",
      "identiPay's WebSocket and SSE connections that follow payments of one merchant. Beyond it: an error, then close 1013.",
    ),
  ),
  identipayConnectionsPerTransaction: overNodes(
    limit(10, "connections", "Of these, in live mode, to one transaction: one buyer cannot take all places of a shop."),
  ),
  identipayConnectionsPerAddress: overNodes(
    limit(20, "connections", "Of these, in live mode, from one client address (IPv6: one /64)."),
  ),
  identipayIdleMs: limit(
    1_800_000,
    "ms",
    "An identiPay WebSocket on which no message went in either direction for so long is closed with 4101; pongs do not count.",
  ),
  pusherActivityTimeoutMs: limit(
    120_000,
    "ms",
    "Silence after which a Pusher client is asked to send a ping of its own (`activity_timeout`, in full seconds).",
    1_000,
  ),
  pusherSessionTimeoutMs: limit(
    15_000,
    "ms",
    "A session of pusher-js's HTTP fallback that nobody reads from for so long is forgotten.",
    1_000,
  ),
  pusherChannelsPerConnection: limit(
    100,
    "channels",
    "Channels that one Pusher connection may be subscribed to. Beyond it: `pusher:subscription_error`.",
  ),
  pusherChannelsListed: limit(
    10_000,
    "channels",
    "Occupied channels in one answer of `GET /apps/{id}/channels`. Beyond it: 413.",
  ),
  pusherChannelNameChars: limit(
    200,
    "characters",
    "Longest name of a Pusher channel, prefixes included. Beyond it: `pusher:subscription_error`.",
  ),
  tributarySubscriptionsPerConnection: limit(
    400,
    "tracking IDs",
    "Tracking ids that one Tributary client may follow. Beyond it: an `error`, CONNECTION_ERROR; the connection goes on. A client that subscribes to all of them at once must also keep to `messagesPerSecond`.",
  ),
} as const satisfies Record<string, LimitSpec>;

export type LimitName = keyof typeof LIMITS;
export type Limits = Readonly<Record<LimitName, number>>;

export const defaultLimits: Limits = Object.fromEntries(
  Object.entries(LIMITS).map(([name, spec]) => [name, spec.default]),
) as Record<LimitName, number>;
