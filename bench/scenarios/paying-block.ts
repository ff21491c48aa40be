/** A block that pays very many: how long until the last of their clients knows? */
import { setTimeout as delay } from "node:timers/promises";
import { wsload } from "../generators.ts";
import { nativeTargets, type Paybell, withPaybell } from "../paybell.ts";
import { mustHold, type Sample, scenario } from "../scenario.ts";

interface BlockSize extends Record<string, number> {
  rounds: number;
  /** Paid in the block, each followed by one client. */
  payments: number;
  /** In a block before, so that the code has run. */
  warmUp: number;
}

/** The call that mines answers after the commit; the last frames may come a little later. */
const LAST_FRAMES_MS = 1_000;
const SECONDS_MAX = 300;

export const payingBlock = scenario<BlockSize>({
  name: "paying-block",
  title: "A block that pays 1,000 watched payments, until the last client's frame",
  about: [
    "The payments were seen in the mempool; then the simulated chain mines the block that holds them all. Counted from the",
    "request that mines (the chain's own bookkeeping included) to the last event at the last of the clients, one for each",
    "payment; everything is committed first.",
  ].join("\n"),
  unit: "ms",
  better: "lower",
  goal: "at most 250 ms for 1,000",
  size: { rounds: 7, payments: 1_000, warmUp: 300 },
  small: { rounds: 1, payments: 50, warmUp: 10 },
  plan: async (size) => ({
    subjects: [
      {
        name: `${size.payments.toLocaleString("en-GB")} payments in the block`,
        run: () => withPaybell((paybell) => measure(size, paybell)),
      },
      {
        name: `${(size.payments / 10).toLocaleString("en-GB")} payments in the block`,
        run: () => withPaybell((paybell) => measure({ ...size, payments: size.payments / 10 }, paybell)),
      },
    ],
  }),
});

async function measure({ payments, warmUp }: BlockSize, paybell: Paybell): Promise<Sample> {
  await pay(paybell, warmUp);
  await mine(paybell);
  const ids = await pay(paybell, payments);
  const clients = wsload({
    port: paybell.port,
    connections: payments,
    targets: nativeTargets(ids.map((id) => `payment:${id}`)),
    ready: '"snapshot"',
    match: '"event"',
    seconds: SECONDS_MAX,
  });
  try {
    await clients.ready();
    const minedUs = Date.now() * 1_000;
    await mine(paybell);
    const answeredUs = Date.now() * 1_000;
    await delay(LAST_FRAMES_MS);
    const seen = await clients.finish();
    mustHold(seen.frames >= payments, `${payments} payments were paid, ${seen.frames} frames came`);
    mustHold(seen.closed === 0, `${seen.closed} clients were cut off: ${seen.firstCloseReason}`);
    return {
      value: (seen.lastUs - minedUs) / 1_000,
      details: {
        "first frame ms": (seen.firstUs - minedUs) / 1_000,
        "answer ms": (answeredUs - minedUs) / 1_000,
        frames: seen.frames,
      },
    };
  } finally {
    await clients.stop();
  }
}

const mine = (paybell: Paybell) => paybell.post("/v1/sandbox/mine", { blocks: 1 });

/** New payments, each with its transfer in the mempool. */
async function pay(paybell: Paybell, count: number): Promise<string[]> {
  const ids = await paybell.createDue(count, "1500000");
  await paybell.each(count, (index) => paybell.post("/v1/sandbox/pay", { paymentId: ids[index] ?? "" }));
  return ids;
}
