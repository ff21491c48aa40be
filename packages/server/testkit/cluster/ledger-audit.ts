/** The log and the rows beside it, read from the database when everything is over: each agrees with itself, with the others,
 * with the chain and with what was asked for. */
import type { PaymentSummary } from "@paybell/protocol";
import { auditStock } from "../stock-audit.ts";
import type { OpenStore } from "../storing/home.ts";
import type { Book } from "./book.ts";
import type { ChainTruth } from "./chain-truth.ts";
import type { LogView } from "./log-view.ts";
import { problemOf } from "./outcome.ts";

/** @returns what is wrong; at most a few of each kind */
export async function auditLedger({
  store,
  log,
  chain,
  book,
}: {
  store: OpenStore;
  log: LogView;
  chain: ChainTruth;
  book: Book;
}): Promise<string[]> {
  const wrong = auditOffsets(log);
  for (const entry of book.entries) {
    const snapshot = await store.payments.snapshot(entry.id);
    if (!snapshot) {
      wrong.push(`Payment ${entry.id} (number ${entry.nth}) has no row.`);
      continue;
    }
    const { payment, transfers } = snapshot.state;
    const problem = problemOf(entry, payment, chain);
    if (problem) wrong.push(problem);
    wrong.push(...auditHistory(log, payment));
    if (new Set(transfers.map(({ txId, index }) => `${txId}/${index}`)).size !== transfers.length) {
      wrong.push(`Payment ${entry.id} was credited one transfer twice.`);
    }
  }
  wrong.push(...(await auditUnits(store, log, book)));
  return wrong;
}

function auditOffsets({ records }: LogView): string[] {
  const place = records.findIndex(({ offset }, at) => offset !== at + 1);
  return place < 0 ? [] : [`Record ${place + 1} of the log has offset ${records[place]?.offset}.`];
}

/** Sequences without gaps, and the row as the newest record has it. */
function auditHistory(
  log: LogView,
  { id, sequence, status }: { id: string; sequence: number; status: string },
): string[] {
  const history = log.ofPayment(id);
  const place = history.findIndex((event, at) => event.sequence !== at + 1);
  if (place >= 0) return [`Payment ${id}: event ${place + 1} has sequence ${history[place]?.sequence}.`];
  const last = history.at(-1)?.data.payment as PaymentSummary | undefined;
  if (history.length !== sequence) return [`Payment ${id} is at sequence ${sequence}; the log has ${history.length}.`];
  return last?.status === status ? [] : [`Payment ${id} is ${status}; the log says ${last?.status}.`];
}

/** Every unit that left was sold to somebody, once. */
async function auditUnits(store: OpenStore, log: LogView, book: Book): Promise<string[]> {
  const facts = (id: string) => {
    const entry = book.find(id);
    if (!entry) throw new Error(`Nobody asked for order ${id}.`);
    return { customer: entry.customer ?? "", items: entry.items };
  };
  try {
    const { levels } = auditStock(log.records, facts);
    const ids = [...levels.keys()];
    const products = await store.products.products("sandbox", ids);
    return ids.flatMap((id, at) => {
      const [told, kept] = [levels.get(id), products[at]];
      const agrees = told?.stock === kept?.stock && told?.reserved === kept?.reserved;
      return agrees
        ? []
        : [
            `Product ${id} has ${kept?.stock}, ${kept?.reserved} reserved; the log says ${told?.stock}, ${told?.reserved}.`,
          ];
    });
  } catch (error) {
    return [`Stock: ${(error as Error).message}`];
  }
}
