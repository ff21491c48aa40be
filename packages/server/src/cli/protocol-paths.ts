/** What the start screen says of each protocol. */
export interface ProtocolPath {
  name: string;
  scheme: "http" | "ws";
  method: "GET" | "POST" | null;
  path: string;
}

export const PROTOCOL_PATHS: readonly ProtocolPath[] = [
  { name: "WebSocket", scheme: "ws", method: null, path: "/v1/stream" },
  { name: "SSE", scheme: "http", method: "GET", path: "/v1/payments/{id}/events" },
  { name: "Polling", scheme: "http", method: "GET", path: "/v1/events?after={position}&waitMs=30000" },
  { name: "Blockonomics", scheme: "ws", method: null, path: "/payment/{address}" },
  { name: "", scheme: "http", method: "POST", path: "/api/new_address" },
  { name: "identiPay", scheme: "ws", method: null, path: "/ws/transactions/{id}" },
  { name: "", scheme: "http", method: "POST", path: "/api/identipay/v1/proposals" },
  { name: "Crypto Shop", scheme: "http", method: null, path: "/socket.io" },
  { name: "", scheme: "http", method: "POST", path: "/api/orders" },
  { name: "Tributary", scheme: "http", method: null, path: "/ws/v1" },
  { name: "", scheme: "http", method: "GET", path: "/v1/onetime/{trackingId}" },
  { name: "Transak", scheme: "ws", method: null, path: "/app/{appKey}?protocol=7" },
  { name: "", scheme: "http", method: "POST", path: "/partners/api/v2/refresh-token" },
  { name: "OpenAPI", scheme: "http", method: "GET", path: "/openapi.json" },
];
