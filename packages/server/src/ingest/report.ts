/**
 * A watcher's report → what is to be decided about which payment. Observations of one payment are decided together, so
 * that a transfer which a reorg moves to another block is one event and not three.
 */
import type { WatchReport } from "../chains/watcher.ts";
import type { UnattributedCommand } from "../log/event-log.ts";
import type { BlockTransfer, PaymentStore, Route } from "../log/store.ts";
import type { Input } from "../payments/decide.ts";
import type { Observation } from "../payments/transfer.ts";
import { type Sighted, sighted } from "./sighted.ts";
import { unattributed } from "./unattributed.ts";
import type { Work } from "./work.ts";

/** Work that a chain makes always says which transfers it is about. */
type ChainWork = Work & { concerning: { txId: string; index: string }[] };

export interface Plan {
  work: ChainWork[];
  unattributed: UnattributedCommand[];
}

/** Everything that follows from the report, before any of it is written. */
export async function planReport(
  chain: string,
  report: WatchReport,
  { store, transfersPerPayment, atMs }: { store: PaymentStore; transfersPerPayment: number; atMs: number },
): Promise<Plan> {
  const observations: Observation[] = [];
  for (const block of report.disconnected) {
    for (const transfer of await store.transfersInBlock(chain, block.hash)) {
      observations.push(orphaned(chain, transfer, atMs));
    }
  }
  observations.push(...report.observations);
  const seen = observations.map(sighted);
  const routes = await store.route(seen.map(({ query }) => query));
  const plan = group(chain, seen, routes, atMs, (list) => {
    const inputs: Input[] = [{ type: "observe", observations: list, maxTransfers: transfersPerPayment }];
    if (report.head) inputs.push({ type: "head", height: report.head.height });
    return inputs;
  });
  if (report.head) await addDue(chain, report.head.height, store, plan.work);
  return plan;
}

function orphaned(chain: string, transfer: BlockTransfer, atMs: number): Observation {
  const { txId, index, asset, amountAtomic, recipient, replaceable, spends } = transfer;
  return {
    chain,
    txId,
    index,
    asset,
    amountAtomic,
    recipient,
    status: "orphaned",
    confirmations: 0,
    block: null,
    observedAtMs: atMs,
    replaceable,
    replacedBy: null,
    spends,
  };
}

function group(
  chain: string,
  seen: readonly Sighted[],
  routes: readonly Route[],
  atMs: number,
  inputsFor: (observations: readonly Observation[]) => Input[],
): Plan {
  const perPayment = new Map<string, Observation[]>();
  const lost: UnattributedCommand[] = [];
  for (const [place, { observation }] of seen.entries()) {
    const route = routes[place] as Route;
    for (const paymentId of route.paymentIds) {
      const list = perPayment.get(paymentId);
      if (list) list.push(observation);
      else perPayment.set(paymentId, [observation]);
    }
    if (observation.status !== "seen" && observation.status !== "included") continue;
    // Moving nothing is no payment, and lost to nobody.
    if (observation.amountAtomic <= 0n) continue;
    for (const { merchantId, address, why } of route.unattributed) {
      lost.push(unattributed({ merchantId, address, chain, why, atMs, observation }));
    }
  }
  const work = [...perPayment].map(
    ([paymentId, list]): ChainWork => ({
      paymentId,
      inputs: () => inputsFor(list),
      concerning: list.map(({ txId, index }) => ({ txId, index })),
    }),
  );
  return { work, unattributed: lost };
}

/** Transfers that the new height concerns: one more confirmation, or final. */
async function addDue(chain: string, height: number, store: PaymentStore, work: ChainWork[]): Promise<void> {
  const planned = new Map(work.map((item) => [item.paymentId, item]));
  for (const { paymentId, txId, index } of await store.dueAtHeight(chain, height)) {
    const item = planned.get(paymentId);
    if (item) {
      item.concerning.push({ txId, index });
      continue;
    }
    const due: ChainWork = { paymentId, inputs: () => [{ type: "head", height }], concerning: [{ txId, index }] };
    planned.set(paymentId, due);
    work.push(due);
  }
}
