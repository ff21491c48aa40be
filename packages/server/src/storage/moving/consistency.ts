/** What was inserted agrees with itself: asked of the database that it was inserted into, before it is committed. */
import { type ImportTarget, type LogBounds, MovingError } from "./moving.ts";
import type { ReservedUnits } from "./reserved-units.ts";

/** Examples of one kind that are shown. */
const SHOWN = 3;

interface Rule {
  /** With `id` of one that breaks it in place of `…`. */
  broken: string;
  /** Gives those that break it as `id`. */
  sql: string;
}

const ofUnknownMerchant = (table: string, id: string): Rule => ({
  broken: `a row of ${table} (…) belongs to a merchant that is not there`,
  sql: `SELECT ${id} AS id FROM ${table} WHERE NOT EXISTS (SELECT 1 FROM merchants m WHERE m.id = ${table}.merchant_id)`,
});

const NEWEST = `SELECT payment_id, count(*) AS records, count(DISTINCT sequence) AS distinct_ones, min(sequence) AS oldest,
    max(sequence) AS newest FROM log_records WHERE payment_id IS NOT NULL GROUP BY payment_id`;

const RULES: readonly Rule[] = [
  ofUnknownMerchant("payments", "id"),
  ofUnknownMerchant("products", "id"),
  ofUnknownMerchant("log_records", '"offset"'),
  ofUnknownMerchant("unattributed_transfers", "tx_id"),
  {
    broken: "the sequences of payment … have a gap, or one of them twice",
    sql: `SELECT payment_id AS id FROM (${NEWEST}) r
      WHERE records <> distinct_ones OR newest - oldest + 1 <> records
        OR (oldest <> 1 AND EXISTS (SELECT 1 FROM meta WHERE trimmed_to = 0))`,
  },
  {
    broken: "payment … stands at another sequence than its newest record",
    sql: `SELECT p.id FROM payments p LEFT JOIN (${NEWEST}) r ON r.payment_id = p.id
      WHERE r.newest <> p.sequence OR (r.newest IS NULL AND EXISTS (SELECT 1 FROM meta WHERE trimmed_to = 0))`,
  },
  {
    broken: "record … belongs to a payment that is not there",
    sql: `SELECT r."offset" AS id FROM log_records r LEFT JOIN payments p ON p.id = r.payment_id
      WHERE r.payment_id IS NOT NULL AND p.id IS NULL`,
  },
  { broken: "two records have the id …", sql: "SELECT id FROM log_records GROUP BY id HAVING count(*) > 1" },
  {
    broken: "transfer … is credited to the payment of another merchant, or of another chain",
    sql: `SELECT t.tx_id AS id FROM transfers t JOIN payments p ON p.id = t.payment_id
      WHERE t.merchant_id <> p.merchant_id OR t.chain <> p.chain`,
  },
  {
    broken: "the number of payments that are … is counted wrongly",
    sql: `SELECT coalesce(c.status, p.status) AS id
      FROM (SELECT status, payments FROM payment_counts WHERE payments <> 0) c
      FULL JOIN (SELECT status, count(*) AS payments FROM payments WHERE erased_at_ms IS NULL GROUP BY status) p
        ON p.status = c.status
      WHERE c.payments IS NULL OR p.payments IS NULL OR c.payments <> p.payments`,
  },
  {
    broken: "block … of the simulated chain stands on one that is not there",
    sql: `SELECT b.hash AS id FROM sandbox_blocks b LEFT JOIN sandbox_blocks p ON p.hash = b.parent_hash
      WHERE b.parent_hash IS NOT NULL AND p.hash IS NULL`,
  },
];

/** @throws MovingError naming what does not agree */
export async function requireConsistent(
  target: Pick<ImportTarget, "ask">,
  bounds: LogBounds,
  { file, reserved }: { file: string; reserved: ReservedUnits },
): Promise<void> {
  const problems = [...(await offsetProblems(target, bounds)), ...reserved.differences(SHOWN)];
  for (const { broken, sql } of RULES) {
    const found = await target.ask(`${sql} LIMIT ${SHOWN}`);
    problems.push(...found.map(({ id }) => broken.replace("…", String(id))));
  }
  if (problems.length === 0) return;
  throw new MovingError(
    `${file} does not agree with itself: ${problems.join("; ")}. Nothing was imported.`,
    "The database that it was made from is damaged: run `paybell doctor` there, and keep the file.",
  );
}

/** Offsets follow each other without gaps up to the head. */
async function offsetProblems(target: Pick<ImportTarget, "ask">, { head, trimmedTo }: LogBounds): Promise<string[]> {
  const [log] = await target.ask(
    'SELECT count(*) AS records, min("offset") AS oldest, max("offset") AS newest FROM log_records',
  );
  const { records, oldest, newest } = log ?? {};
  const isRight = records === head - trimmedTo && (records === 0 || (oldest === trimmedTo + 1 && newest === head));
  if (isRight) return [];
  return [
    `the log should reach from ${trimmedTo + 1} to ${head}, and has ${records} records from ${oldest} to ${newest}`,
  ];
}
