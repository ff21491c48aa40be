/** Does it matter how many scripts are watched? */
import { fileURLToPath } from "node:url";
import { Child } from "../child.ts";
import { type Sample, scenario } from "../scenario.ts";
import { spread } from "../statistics.ts";

interface BlockSize extends Record<string, number> {
  rounds: number;
  outputs: number;
  many: number;
  few: number;
  /** Of the same block in one process; the first third is warm-up. */
  scans: number;
}

const PROGRAM = fileURLToPath(new URL("../programs/block-match.ts", import.meta.url));

export const blockMatch = scenario<BlockSize>({
  name: "block-match",
  title: "Matching a Bitcoin block of 10,000 outputs against the watch list",
  about: [
    "The server's own scanner over the bytes of a block (two outputs to a transaction, ten payments in it) and its own",
    "watch list; median of 60 scans in one process. `first` is the first scan of a fresh process, before it is compiled.",
  ].join("\n"),
  unit: "ms",
  better: "lower",
  goal: "below 50 ms with 1 million scripts, and less than twice the time with 10 thousand",
  size: { rounds: 7, outputs: 10_000, many: 1_000_000, few: 10_000, scans: 90 },
  small: { rounds: 1, outputs: 10_000, many: 50_000, few: 10_000, scans: 9 },
  plan: async (size) => ({
    subjects: [subject(size, size.many), subject(size, size.few)],
  }),
});

function subject(size: BlockSize, watched: number) {
  return { name: `${watched.toLocaleString("en-GB")} scripts watched`, run: () => scan(size, watched) };
}

async function scan({ outputs, scans }: BlockSize, watched: number): Promise<Sample> {
  const options = Object.entries({ outputs, scans, watched }).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const command = [process.execPath, "--conditions=@paybell/source", PROGRAM, ...options];
  const child = new Child("block-match", "server", command);
  try {
    const line = await child.line("out", (text) => text.startsWith("{"));
    const { timesMs, blockBytes } = JSON.parse(line) as { timesMs: number[]; blockBytes: number };
    const warm = timesMs.slice(Math.ceil(timesMs.length / 3));
    return {
      value: spread(warm).median,
      details: { "slowest ms": Math.max(...warm), "first ms": timesMs[0] ?? Number.NaN, "block MB": blockBytes / 1e6 },
    };
  } finally {
    await child.stop();
  }
}
