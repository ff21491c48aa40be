/**
 * Where observed transfers belong: to the payments they already credit, else to those that wait on their address.
 *
 * A block asks for all its transfers at once: a few statements in one transaction, each for all of them, one key at a time
 * (`OFFSET 0` keeps it so, whatever the statistics say). What the database finds is put together here.
 */
import type {
  CreditedPayment,
  Route,
  RouteKey,
  RouteQuery,
  TransferName,
  UnattributedRoute,
} from "../../../log/store.ts";
import { arrayOf } from "../arrays.ts";
import type { Connection, Value } from "../connection.ts";

export async function creditedPayments(
  connection: Connection,
  merchantId: string,
  transfers: readonly TransferName[],
): Promise<readonly (CreditedPayment | null)[]> {
  const rows = await connection.all<{ place: number; payment_id: string; erased_at_ms: number | null }>(
    `SELECT k.place, t.*
     FROM unnest($2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS k (chain, tx_id, idx, place)
     CROSS JOIN LATERAL (
       SELECT payment_id, (SELECT erased_at_ms FROM payments WHERE id = payment_id) AS erased_at_ms FROM transfers
       WHERE chain = k.chain AND tx_id = k.tx_id AND idx = k.idx AND merchant_id = $1 OFFSET 0
     ) t`,
    merchantId,
    ...arrays(transfers, ({ chain, txId, index }) => [chain, txId, index]),
  );
  const byPlace = new Map(rows.map((row) => [row.place, row]));
  return transfers.map((_, at) => {
    const row = byPlace.get(at + 1);
    return row ? { paymentId: row.payment_id, erased: row.erased_at_ms !== null } : null;
  });
}

export async function route(connection: Connection, queries: readonly RouteQuery[]): Promise<readonly Route[]> {
  if (queries.length === 0) return [];
  return connection.read(async () => {
    const [credited, waiting] = await Promise.all([
      findCredited(connection, queries),
      findWaiting(connection, queries),
    ]);
    const drafts = queries.map((query, at) => draftRoute(query, credited.get(at) ?? [], waiting.get(at) ?? new Map()));
    const candidates = drafts.flatMap((draft) => draft.candidates);
    const found = await findCreditable(connection, candidates);
    const lost: Lost[] = [];
    for (const draft of drafts) lost.push(...settle(draft, found));
    await nameAddresses(connection, lost);
    return drafts.map(({ route: { paymentIds, unattributed } }) => ({ paymentIds, unattributed }));
  });
}

interface Credited {
  merchant_id: string;
  payment_id: string;
  recipient: string;
}

/** Of each query, by its place: the payments that the transfer credits already. */
async function findCredited(connection: Connection, queries: readonly RouteQuery[]): Promise<Map<number, Credited[]>> {
  const rows = await connection.all<Credited & { place: number }>(
    `SELECT k.place, t.*
     FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS k (chain, tx_id, idx, place)
     CROSS JOIN LATERAL (
       SELECT merchant_id, payment_id, recipient FROM transfers
       WHERE chain = k.chain AND tx_id = k.tx_id AND idx = k.idx OFFSET 0
     ) t ORDER BY k.place, t.merchant_id`,
    ...arrays(queries, ({ chain, txId, index }) => [chain, txId, index]),
  );
  return Map.groupBy(rows, ({ place }) => place - 1);
}

/** One step of the index per merchant, however many payments an address has had. */
const MERCHANTS = `WITH RECURSIVE step (merchant_id) AS (
    (SELECT p.merchant_id FROM payments p WHERE p.chain = k.chain AND p.recipient = k.recipient
     ORDER BY p.merchant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT p.merchant_id FROM payments p
      WHERE p.chain = k.chain AND p.recipient = k.recipient AND p.merchant_id > step.merchant_id
      ORDER BY p.merchant_id LIMIT 1)
    FROM step WHERE step.merchant_id IS NOT NULL
  ) SELECT merchant_id FROM step WHERE merchant_id IS NOT NULL`;

const WAITING = `SELECT k.place, m.merchant_id
  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (chain, recipient, place)
  CROSS JOIN LATERAL (${MERCHANTS}) m ORDER BY k.place, m.merchant_id`;

/** The merchants that tell payments on an address apart by something beside it. */
const SHARERS = `SELECT k.place, s.merchant_id FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (chain, recipient, place)
  CROSS JOIN LATERAL (
    SELECT merchant_id FROM shared_addresses WHERE chain = k.chain AND recipient = k.recipient OFFSET 0
  ) s ORDER BY k.place, s.merchant_id`;

/** Of each merchant who knows the address: under which of the keys he has payments, the most particular first. */
type Waiting = Map<string, RouteKey[]>;

async function findWaiting(connection: Connection, queries: readonly RouteQuery[]): Promise<Map<number, Waiting>> {
  const asked = queries.flatMap(({ chain, recipient, narrower = [] }, at) =>
    [...narrower, { matchKey: recipient }].map((key) => ({ at, chain, key })),
  );
  const [found, shared] = await Promise.all([
    connection.all<{ place: number; merchant_id: string }>(
      WAITING,
      ...arrays(asked, ({ chain, key }) => [chain, key.matchKey]),
    ),
    connection.all<{ place: number; merchant_id: string }>(
      SHARERS,
      ...arrays(queries, ({ chain, recipient }) => [chain, recipient]),
    ),
  ]);
  const waiting = new Map<number, Waiting>(queries.map((_, at) => [at, new Map()]));
  for (const { place, merchant_id: merchantId } of found) {
    const { at, key } = asked[place - 1] as (typeof asked)[number];
    const ofQuery = waiting.get(at) as Waiting;
    ofQuery.set(merchantId, [...(ofQuery.get(merchantId) ?? []), key]);
  }
  for (const { place, merchant_id: merchantId } of shared) {
    const ofQuery = waiting.get(place - 1) as Waiting;
    if (!ofQuery.has(merchantId)) ofQuery.set(merchantId, []);
  }
  return waiting;
}

export async function merchantsOnAddress(
  connection: Connection,
  chain: string,
  recipient: string,
): Promise<readonly string[]> {
  const rows = await connection.all<{ merchant_id: string }>(WAITING, ...arrays([[chain, recipient]], (pair) => pair));
  return rows.map((row) => row.merchant_id);
}

/** A merchant's payment that may be credited, if there is one under this key. */
interface Candidate {
  query: RouteQuery;
  merchantId: string;
  key: RouteKey;
}

interface Draft {
  query: RouteQuery;
  route: { paymentIds: string[]; unattributed: UnattributedRoute[] };
  /** Of each merchant who is not credited already. */
  merchants: readonly { merchantId: string; candidates: readonly Candidate[] }[];
  candidates: readonly Candidate[];
}

function draftRoute(query: RouteQuery, credited: readonly Credited[], waiting: Waiting): Draft {
  // A transfer has one recipient: what is said of another one is not about it.
  const paymentIds = credited.filter((row) => row.recipient === query.recipient).map((row) => row.payment_id);
  const done = new Set(credited.map((row) => row.merchant_id));
  const merchants = [...waiting]
    .filter(([merchantId]) => !done.has(merchantId))
    .map(([merchantId, keys]) => ({
      merchantId,
      candidates: keys.map((key) => ({ query, merchantId, key })),
    }));
  const candidates = merchants.flatMap((merchant) => merchant.candidates);
  return { query, route: { paymentIds, unattributed: [] }, merchants, candidates };
}

interface Creditable {
  place: number;
  id: string;
  erased_at_ms: number | null;
}

/**
 * The open payment, else the newest; never one that is younger than the transfer, nor an older one where the newest was
 * erased: the money was not meant for it. The transfer's time is the earlier of what is known now and what was known when
 * it was refused: a watcher that starts again may know it by its block only.
 */
const CREDITABLE = `SELECT k.place, p.id, p.erased_at_ms
  FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::text[])
    WITH ORDINALITY AS k (chain, match_key, merchant_id, named_time_ms, time_ms, tx_id, idx, place)
  CROSS JOIN LATERAL (SELECT coalesce(k.named_time_ms, least(k.time_ms, (
    SELECT u.credit_time_ms FROM unattributed_transfers u
    WHERE u.merchant_id = k.merchant_id AND u.chain = k.chain AND u.tx_id = k.tx_id AND u.idx = k.idx
  ))) AS until_ms) known
  CROSS JOIN LATERAL (
    (SELECT o.id, o.erased_at_ms, 0 AS rank FROM payments o
     WHERE o.chain = k.chain AND o.recipient = k.match_key AND o.merchant_id = k.merchant_id
       AND o.created_at_ms <= known.until_ms AND o.is_open = 1
     ORDER BY o.created_at_ms DESC, o.number DESC LIMIT 1)
    UNION ALL
    (SELECT n.id, n.erased_at_ms, 1 AS rank FROM payments n
     WHERE n.chain = k.chain AND n.recipient = k.match_key AND n.merchant_id = k.merchant_id
       AND n.created_at_ms <= known.until_ms
     ORDER BY n.created_at_ms DESC, n.number DESC LIMIT 1)
    ORDER BY rank LIMIT 1
  ) p`;

async function findCreditable(
  connection: Connection,
  candidates: readonly Candidate[],
): Promise<Map<Candidate, Creditable>> {
  if (candidates.length === 0) return new Map();
  const rows = await connection.all<Creditable>(
    CREDITABLE,
    ...arrays(candidates, ({ query, merchantId, key }) => [
      query.chain,
      key.matchKey,
      merchantId,
      key.namedTimeMs ?? null,
      query.timeMs,
      query.txId,
      query.index,
    ]),
  );
  return new Map(rows.map((row) => [candidates[row.place - 1] as Candidate, row]));
}

/** One that goes to no payment, its address not yet known. */
interface Lost {
  route: UnattributedRoute;
  query: RouteQuery;
  keys: readonly RouteKey[];
}

/** Writes down where the transfer goes; returns what it does not go to. */
function settle({ query, route, merchants }: Draft, found: ReadonlyMap<Candidate, Creditable>): Lost[] {
  const lost: Lost[] = [];
  for (const { merchantId, candidates } of merchants) {
    const first = candidates.map((candidate) => found.get(candidate)).find((row) => row !== undefined);
    if (first && first.erased_at_ms === null) {
      route.paymentIds.push(first.id);
      continue;
    }
    const unknown = candidates.length === 0 ? "no_match" : "older_than_payment";
    const why = first ? "payment_erased" : unknown;
    const unattributed: UnattributedRoute = { merchantId, address: query.recipient, why };
    route.unattributed.push(unattributed);
    lost.push({ route: unattributed, query, keys: candidates.map(({ key }) => key) });
  }
  return lost;
}

/** The address as the newest payment under a key names it. */
const ADDRESSES = `SELECT k.place, p.address
  FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS k (chain, match_key, merchant_id, place)
  CROSS JOIN LATERAL (
    SELECT address FROM payments
    WHERE chain = k.chain AND recipient = k.match_key AND merchant_id = k.merchant_id
    ORDER BY created_at_ms DESC, number DESC LIMIT 1
  ) p WHERE p.address IS NOT NULL ORDER BY k.place`;

const SHARED = `SELECT k.place, s.address
  FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS k (chain, recipient, merchant_id, place)
  CROSS JOIN LATERAL (
    SELECT address FROM shared_addresses
    WHERE chain = k.chain AND recipient = k.recipient AND merchant_id = k.merchant_id OFFSET 0
  ) s`;

/** The addresses as the merchants' payments name them. */
async function nameAddresses(connection: Connection, lost: readonly Lost[]): Promise<void> {
  if (lost.length === 0) return;
  const asked = lost.flatMap((each) => each.keys.map(({ matchKey }) => ({ each, matchKey })));
  const [named, shared] = await Promise.all([
    connection.all<{ place: number; address: string }>(
      ADDRESSES,
      ...arrays(asked, ({ each, matchKey }) => [each.query.chain, matchKey, each.route.merchantId]),
    ),
    connection.all<{ place: number; address: string }>(
      SHARED,
      ...arrays(lost, ({ query, route }) => [query.chain, query.recipient, route.merchantId]),
    ),
  ]);
  for (const { place, address } of shared) (lost[place - 1] as Lost).route.address = address;
  // The most particular key comes last, and stays.
  for (const { place, address } of named.toReversed()) {
    (asked[place - 1] as (typeof asked)[number]).each.route.address = address;
  }
}

/** One array per column of what each item is asked by. */
function arrays<T>(items: readonly T[], parts: (item: T) => readonly Value[]): string[] {
  const rows = items.map(parts);
  const width = rows[0]?.length ?? 3;
  return Array.from({ length: width }, (_, part) => arrayOf(rows.map((row) => row[part] ?? null)));
}
