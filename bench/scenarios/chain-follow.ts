/** How fast can a watcher follow its chain? */
import { fileURLToPath } from "node:url";
import { FOLLOWED } from "../chains/all.ts";
import type { FollowedChain } from "../chains/followed-chain.ts";
import { Child } from "../child.ts";
import { processorUs } from "../process-tree.ts";
import { mustHold, type Sample, type Subject, scenario } from "../scenario.ts";

interface FollowSize extends Record<string, number> {
  rounds: number;
  /** Keys that somebody waits for. */
  watched: number;
  /** Payments that the blocks pay in turn. */
  paid: number;
  /** Blocks, in percent of an hour's. */
  hourPercent: number;
}

/** Transactions in a block: about what the public network has. */
const TRANSACTIONS: Readonly<Record<string, number>> = { evm: 200, tron: 250, solana: 1_000, sui: 30 };
/** An hour of Sui or Solana is more than a test machine wants to hold. */
const BLOCKS_MAX = 1_200;

const PROGRAM = (name: string) => fileURLToPath(new URL(`../programs/${name}.ts`, import.meta.url));
const command = (name: string, options: Readonly<Record<string, string | number>>) => [
  process.execPath,
  "--conditions=@paybell/source",
  PROGRAM(name),
  ...Object.entries(options).flatMap(([option, value]) => [`--${option}`, `${value}`]),
];

export const chainFollow = scenario<FollowSize>({
  name: "chain-follow",
  title: "Following a chain with 100,000 watched keys, as a multiple of its real block rate",
  about: [
    "Each watcher on a node full of blocks (transactions to a block: Ethereum 200, TRON 250, Solana 1,000, Sui 30; one of",
    "them pays somebody who waits), from a stored cursor until all is in the log: ingest and SQLite included. Ethereum's",
    "node is anvil, Solana's the SVM behind a facade, TRON's and Sui's are simulated; all are on the other core. `hour s`:",
    "how long it takes to make up for an hour's outage, at this speed.",
  ].join("\n"),
  unit: "× the chain's rate",
  better: "higher",
  goal: null,
  size: { rounds: 3, watched: 100_000, paid: 20, hourPercent: 100 },
  small: { rounds: 1, watched: 1_000, paid: 5, hourPercent: 2 },
  plan: async (size) => {
    const subjects = Object.entries(FOLLOWED).map(([name, chain]) => subject(name, chain, size));
    return { subjects: subjects as [Subject, ...Subject[]] };
  },
});

function subject(name: string, chain: FollowedChain, size: FollowSize): Subject {
  const blocks = Math.min(BLOCKS_MAX, Math.ceil((size.hourPercent * 36_000) / chain.blockMs));
  return { name, run: () => follow(name, chain, blocks, size) };
}

async function follow(
  name: string,
  { blockMs }: FollowedChain,
  blocks: number,
  { watched, paid }: FollowSize,
): Promise<Sample> {
  const transactions = TRANSACTIONS[name] ?? 1;
  const node = new Child(
    `${name}'s node`,
    "generator",
    command("chain-node", { chain: name, blocks, transactions, paid }),
  );
  try {
    const ready = await node.line("out", (text) => text.startsWith("{"));
    const nodeBeforeUs = processorUs(node.pid);
    const options = { chain: name, node: ready, watched, paid };
    const follower = new Child(`${name}'s follower`, "server", command("chain-follow", options));
    try {
      const line = await follower.line("out", (text) => text.startsWith("{"));
      const seen = JSON.parse(line) as { seconds: number; cpuSeconds: number; observations: number };
      mustHold(seen.observations >= blocks, `${blocks} blocks pay somebody, ${seen.observations} payments were seen`);
      const perSecond = blocks / seen.seconds;
      return {
        value: (perSecond * blockMs) / 1_000,
        details: {
          "blocks/s": perSecond,
          "transactions/s": perSecond * transactions,
          "CPU ms/block": (seen.cpuSeconds / blocks) * 1_000,
          "hour s": 3_600_000 / blockMs / perSecond,
          "node CPU": (processorUs(node.pid) - nodeBeforeUs) / 1e6 / seen.seconds,
        },
      };
    } finally {
      await follower.stop();
    }
  } finally {
    await node.stop();
  }
}
