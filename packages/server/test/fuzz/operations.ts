/** A good request for every operation of /openapi.json, to be damaged. A test compares the list with the document. */
import { SANDBOX_PUSHER_APP } from "../../src/config/pusher.ts";
import { sign } from "../../src/transports/pusher/signatures.ts";

export interface Operation {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  /** As /openapi.json writes it. */
  path: string;
  /** Status of the good answer. */
  good: number;
  /** Names of its query parameters. */
  query: readonly string[];
  body?: object;
  /** Refuses in another protocol's words than the native API's. */
  words?: "identipay" | "crypto-shop" | "tributary" | "transak" | "pusher";
  /** In the place of the last parameter of the path; default: the payment's id. */
  parameter?: string;
  /** Of its query, what a good request cannot be without. */
  needs?: string;
  headers?: Record<string, string>;
}

const get = (path: string, query: readonly string[] = [], more: Partial<Operation> = {}): Operation => ({
  method: "GET",
  path,
  good: 200,
  query,
  ...more,
});
const post = (path: string, good: number, body: object, more: Partial<Operation> = {}): Operation => ({
  method: "POST",
  path,
  good,
  query: ["x"],
  body,
  ...more,
});

const PAYMENT = {
  amount: "1000000",
  asset: "SBX",
  chain: "sandbox",
  reference: "r",
  customer: "c",
  items: [{ productId: "p", name: "n", quantity: 2, unitAmount: "5" }],
  expiresInSeconds: 600,
  confirmations: 2,
  metadata: { a: [1, { b: null }] },
};
const OBSERVATION = {
  paymentId: "{id}",
  txId: "t",
  index: "0",
  asset: "SBX",
  amount: "5",
  status: "seen",
  confirmations: 0,
  blockHash: null,
  blockHeight: null,
};
const PROPOSAL = {
  items: [{ name: "Shirt", quantity: 2, unitPrice: "12.50", currency: "USDC" }],
  amount: { value: "25.00", currency: "USDC" },
  deliverables: { receipt: true, warranty: { durationDays: 5, transferable: false } },
  constraints: { ageGate: 18, regionRestriction: ["DE"] },
  expiresInSeconds: 60,
};
const PRODUCT = { name: "n", price: "5", chain: "sandbox", asset: "SBX", stock: 3 };
/** The id is a payment's, so it is no product's. */
const ORDER = {
  customer: "c",
  items: [{ productId: "{id}", quantity: 2, options: { color: "red" } }],
  chain: "sandbox",
  asset: "SBX",
  reference: "r",
  expiresInSeconds: 600,
  confirmations: 2,
  metadata: { a: [1, { b: null }] },
};
const EDIT = { name: "n", price: "5", stock: 3, expectedStock: 3 };
/** The product is none, as above. */
const SHOP_ORDER = { userId: "u", products: [{ productId: "{id}", quantity: 2, color: "red" }] };
const CHANNEL_AUTH = { socket_id: "1.2", channel_name: "private-{id}", channel_data: "{}", app_key: "paybell" };
const identipay = { words: "identipay" } as const;
const cryptoShop = { words: "crypto-shop" } as const;
const transak = { words: "transak", headers: { "access-token": "at_sandbox_paybell" } } as const;
const REFRESH = { words: "transak", headers: { "api-secret": "sk_sandbox_paybell" } } as const;

export const OPERATIONS: readonly Operation[] = [
  post("/v1/payments", 201, PAYMENT),
  get("/v1/payments", ["reference", "customer", "status", "limit", "after"]),
  get("/v1/payments/{id}"),
  get("/v1/payments/{id}/qr", ["size"]),
  post("/v1/payments/{id}/claim", 200, {}),
  post("/v1/payments/{id}/delivery", 409, { to: "delivered" }),
  post("/v1/payments/{id}/resolve", 409, { as: "paid" }),
  post("/v1/products", 201, PRODUCT),
  get("/v1/products", ["limit", "after"]),
  get("/v1/products/{id}", [], { good: 404 }),
  { method: "PATCH", path: "/v1/products/{id}", good: 404, query: [], body: EDIT },
  { method: "DELETE", path: "/v1/products/{id}", good: 404, query: [] },
  post("/v1/orders", 404, ORDER),
  get("/v1/orders", ["customer", "status", "limit", "after"]),
  get("/v1/orders/{id}", [], { good: 404 }),
  get("/v1/events", ["after", "limit", "waitMs", "paymentId"]),
  get("/v1/payments/{id}/events"),
  post("/v1/observations", 200, OBSERVATION),
  post("/v1/sandbox/pay", 200, { paymentId: "{id}", amount: "5" }),
  post("/v1/sandbox/mine", 200, { blocks: 1 }),
  post("/v1/sandbox/reorg", 200, { depth: 1 }),
  post("/v1/sandbox/double-spend", 404, { txId: "none" }),
  get("/healthz"),
  get("/readyz"),
  get("/metrics"),
  post("/api/new_address", 200, {}),
  get("/api/identipay/v1/transactions/{transactionId}/status", [], identipay),
  get("/sse/transactions/{transactionId}", [], identipay),
  post("/api/identipay/v1/proposals", 201, PROPOSAL, identipay),
  post("/api/test/settle", 200, { transactionId: "{id}" }, identipay),
  get("/api/health", [], cryptoShop),
  post("/api/orders", 404, SHOP_ORDER, cryptoShop),
  get("/api/orders", ["key", "userId", "status", "limit", "page"], { ...cryptoShop, needs: "userId=u" }),
  get("/v1/onetime/{trackingId}", ["key"], { good: 404, words: "tributary" }),
  post("/partners/api/v2/refresh-token", 200, { apiKey: "pk_sandbox_paybell" }, REFRESH),
  get("/partners/api/v2/order/{orderId}", [], transak),
  get("/partners/api/v2/orders", ["filter[partnerOrderId]", "limit", "skip"], transak),
  post("/pusher/auth", 200, CHANNEL_AUTH),
  get("/apps/{appId}/channels", ["info", "filter_by_prefix"], { words: "pusher", parameter: SANDBOX_PUSHER_APP.id }),
  get("/apps/{appId}/channels/{channel}", ["info"], { words: "pusher" }),
  post("/v1/payments/{id}/cancel", 200, {}),
  { method: "DELETE", path: "/v1/payments/{id}", good: 204, query: [] },
];

export interface Parts {
  paymentId: string;
  /** In the place of the last parameter of the path. */
  parameter?: string;
  /** Without `?`. */
  query?: string;
  headers?: Record<string, string>;
  body?: Buffer;
}

/** As Pusher's libraries sign a call of its HTTP API. */
function signedQuery(method: string, path: string): string {
  const query = `auth_key=${SANDBOX_PUSHER_APP.keys[0]}&auth_timestamp=${Math.floor(Date.now() / 1_000)}&auth_version=1.0`;
  return `${query}&auth_signature=${sign(String(SANDBOX_PUSHER_APP.secret), [method, path, query].join("\n"))}`;
}

function targetOf({ method, path, needs, words }: Operation, parameter: string, query: string | undefined): string {
  const whole = path.replace("{appId}/", `${SANDBOX_PUSHER_APP.id}/`).replace(/\{[a-zA-Z]+\}/, parameter);
  const needed = words === "pusher" ? signedQuery(method, whole) : needs;
  const parts = [needed, query].filter((part) => part !== undefined);
  return parts.length === 0 ? whole : `${whole}?${parts.join("&")}`;
}

/** The request as bytes; the parts that are not given are good ones. */
export function requestBytes(operation: Operation, { paymentId, parameter, query, headers = {}, body }: Parts): Buffer {
  const target = targetOf(operation, parameter ?? operation.parameter ?? paymentId, query);
  const json = operation.body === undefined ? undefined : JSON.stringify(operation.body).replace("{id}", paymentId);
  const sent = body ?? (json === undefined ? undefined : Buffer.from(json));
  const all: Record<string, string> = {
    host: "127.0.0.1",
    authorization: "Bearer sk_sandbox_paybell",
    ...operation.headers,
    ...(sent === undefined ? {} : { "content-type": "application/json", "content-length": String(sent.length) }),
  };
  // A name like `__proto__` must be a header like any other.
  const lines = Object.entries(all).filter(([name]) => !Object.hasOwn(headers, name));
  const head = [...lines, ...Object.entries(headers)].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return Buffer.concat([
    Buffer.from(`${operation.method} ${target} HTTP/1.1\r\n${head}\r\n`, "latin1"),
    sent ?? Buffer.alloc(0),
  ]);
}
