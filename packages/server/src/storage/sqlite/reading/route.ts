/** Where an observed transfer belongs: to the payment it already credits, else to the one that waits on its address. */
import type {
  CreditedPayment,
  Route,
  RouteKey,
  RouteQuery,
  TransferName,
  UnattributedRoute,
} from "../../../log/store.ts";
import type { Connection } from "../connection.ts";

export function route(connection: Connection, queries: readonly RouteQuery[]): readonly Route[] {
  return connection.read(() => queries.map((query) => routeOne(connection, query)));
}

/** Whose transfers they are already. */
export function creditedPayments(
  connection: Connection,
  merchantId: string,
  transfers: readonly TransferName[],
): (CreditedPayment | null)[] {
  return connection.read(() => transfers.map((transfer) => creditedPayment(connection, merchantId, transfer)));
}

function creditedPayment(
  connection: Connection,
  merchantId: string,
  { chain, txId, index }: TransferName,
): CreditedPayment | null {
  const row = connection.get<{ payment_id: string; erased_at_ms: number | null }>(
    `SELECT payment_id, erased_at_ms FROM transfers JOIN payments ON payments.id = transfers.payment_id
     WHERE transfers.merchant_id = ? AND transfers.chain = ? AND tx_id = ? AND idx = ?`,
    merchantId,
    chain,
    txId,
    index,
  );
  return row ? { paymentId: row.payment_id, erased: row.erased_at_ms !== null } : null;
}

function routeOne(connection: Connection, query: RouteQuery): Route {
  const credited = connection.all<{ merchant_id: string; payment_id: string; recipient: string }>(
    "SELECT merchant_id, payment_id, recipient FROM transfers WHERE chain = ? AND tx_id = ? AND idx = ?",
    query.chain,
    query.txId,
    query.index,
  );
  // A transfer has one recipient: what is said of another one is not about it.
  const paymentIds = credited.filter((row) => row.recipient === query.recipient).map((row) => row.payment_id);
  const unattributed: UnattributedRoute[] = [];
  const done = new Set(credited.map((row) => row.merchant_id));
  for (const [merchantId, keys] of waitingMerchants(connection, query)) {
    if (done.has(merchantId)) continue;
    const found = creditable(connection, merchantId, query, keys);
    if ("paymentId" in found) paymentIds.push(found.paymentId);
    else unattributed.push({ merchantId, address: addressOf(connection, merchantId, query, keys), why: found.why });
  }
  return { paymentIds, unattributed };
}

/** Of each merchant who knows the address: under which of the keys he has payments, the most particular first. */
function waitingMerchants(connection: Connection, query: RouteQuery): Map<string, RouteKey[]> {
  const { chain, recipient, narrower = [] } = query;
  const keysOf = new Map<string, RouteKey[]>();
  for (const key of [...narrower, { matchKey: recipient }]) {
    for (const merchantId of merchantsOnAddress(connection, chain, key.matchKey)) {
      const keys = keysOf.get(merchantId);
      if (keys) keys.push(key);
      else keysOf.set(merchantId, [key]);
    }
  }
  for (const merchantId of sharers(connection, chain, recipient)) {
    if (!keysOf.has(merchantId)) keysOf.set(merchantId, []);
  }
  return keysOf;
}

/** Under the most particular key that has one: the open payment, else the newest; never one that is younger than the
 * transfer, nor an older one where the newest was erased: the money was not meant for it. */
function creditable(
  connection: Connection,
  merchantId: string,
  query: RouteQuery,
  keys: readonly RouteKey[],
): { paymentId: string } | Pick<UnattributedRoute, "why"> {
  if (keys.length === 0) return { why: "no_match" };
  const knownTimeMs = Math.min(query.timeMs, refusedTimeMs(connection, merchantId, query) ?? query.timeMs);
  for (const { matchKey, namedTimeMs } of keys) {
    for (const condition of ["is_open = 1", "recipient IS NOT NULL"]) {
      const row = connection.get<{ id: string; erased_at_ms: number | null }>(
        `SELECT id, erased_at_ms FROM payments WHERE chain = ? AND recipient = ? AND merchant_id = ? AND created_at_ms <= ?
         AND ${condition} ORDER BY created_at_ms DESC, rowid DESC LIMIT 1`,
        query.chain,
        matchKey,
        merchantId,
        namedTimeMs ?? knownTimeMs,
      );
      if (row) return row.erased_at_ms === null ? { paymentId: row.id } : { why: "payment_erased" };
    }
  }
  return { why: "older_than_payment" };
}

/** When it was sent, as was known when it was refused: a watcher that starts again may know it by its block only. */
function refusedTimeMs(connection: Connection, merchantId: string, query: RouteQuery): number | undefined {
  return connection.get<{ credit_time_ms: number }>(
    "SELECT credit_time_ms FROM unattributed_transfers WHERE merchant_id = ? AND chain = ? AND tx_id = ? AND idx = ?",
    merchantId,
    query.chain,
    query.txId,
    query.index,
  )?.credit_time_ms;
}

/** The address as the merchant's payments name it. */
function addressOf(connection: Connection, merchantId: string, query: RouteQuery, keys: readonly RouteKey[]): string {
  for (const { matchKey } of keys) {
    const row = connection.get<{ address: string | null }>(
      `SELECT address FROM payments WHERE chain = ? AND recipient = ? AND merchant_id = ?
       ORDER BY created_at_ms DESC, rowid DESC LIMIT 1`,
      query.chain,
      matchKey,
      merchantId,
    );
    if (row?.address != null) return row.address;
  }
  const shared = connection.get<{ address: string }>(
    "SELECT address FROM shared_addresses WHERE chain = ? AND recipient = ? AND merchant_id = ?",
    query.chain,
    query.recipient,
    merchantId,
  );
  return shared?.address ?? query.recipient;
}

/** The merchants that tell payments on this address apart by something beside it. */
function sharers(connection: Connection, chain: string, recipient: string): string[] {
  return connection
    .all<{ merchant_id: string }>(
      "SELECT merchant_id FROM shared_addresses WHERE chain = ? AND recipient = ? ORDER BY merchant_id",
      chain,
      recipient,
    )
    .map((row) => row.merchant_id);
}

/** One step of the index per merchant, however many payments an address has had. */
export function merchantsOnAddress(connection: Connection, chain: string, recipient: string): string[] {
  const merchants: string[] = [];
  for (;;) {
    const row = connection.get<{ merchant_id: string }>(
      `SELECT merchant_id FROM payments WHERE chain = ? AND recipient = ? AND merchant_id > ?
       ORDER BY merchant_id LIMIT 1`,
      chain,
      recipient,
      merchants.at(-1) ?? "",
    );
    if (!row) return merchants;
    merchants.push(row.merchant_id);
  }
}
