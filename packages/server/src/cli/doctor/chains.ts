/** Each endpoint of each chain, asked once. */
import type { ChainProbe, EndpointReading } from "../../chains/probe.ts";
import type { ChainConfig, Config } from "../../config/config.ts";
import { StartupError } from "../../kit/startup-error.ts";
import { openProbe, type WatcherParts } from "../../open-chains.ts";
import type { CliIo } from "../io.ts";
import { broken, type Finding, ok, warning } from "./finding.ts";
import { withProgress } from "./progress.ts";

export interface ChainVisit {
  chain: string;
  settings: ChainConfig;
  probe: ChainProbe | null;
  readings: readonly EndpointReading[];
  findings: readonly Finding[];
}

const ENDPOINT_TIMEOUT_MS = 10_000;
/** Behind the best endpoint of its chain: by its block's time, or where that is not known by blocks. */
const LAG_MS = 60_000;
const LAG_BLOCKS = 5;
/** A block of Bitcoin may well take two hours. */
const BITCOIN_SILENCE_MS = 2 * 3_600_000;

/** All chains at the same time. */
export function visitChains(config: Config, parts: WatcherParts, io: Pick<CliIo, "err">): Promise<ChainVisit[]> {
  return Promise.all(
    Object.entries(config.chains).map(([chain, settings]) =>
      withProgress(io, `asking the endpoints of ${chain}`, visit(chain, settings, parts)),
    ),
  );
}

async function visit(chain: string, settings: ChainConfig, parts: WatcherParts): Promise<ChainVisit> {
  const what = `chain ${chain}`;
  try {
    const probe = await openProbe(chain, settings, parts);
    if (!probe) {
      const findings = [ok(what, "watched by your own backend: POST /v1/observations")];
      return { chain, settings, probe, readings: [], findings };
    }
    const readings = await probe.probe(ENDPOINT_TIMEOUT_MS);
    const findings = judge(what, readings, silenceOf(settings), parts.clock.nowMs());
    return { chain, settings, probe, readings, findings };
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    return { chain, settings, probe: null, readings: [], findings: [broken(what, error.message, error.hint)] };
  }
}

function silenceOf(settings: ChainConfig): number {
  return "maxSilenceMs" in settings ? settings.maxSilenceMs : BITCOIN_SILENCE_MS;
}

function judge(what: string, readings: readonly EndpointReading[], silenceMs: number, nowMs: number): Finding[] {
  const heads = readings.flatMap(({ head }) => (head ? [head] : []));
  const best = heads.reduce((one, other) => (other.height > one.height ? other : one), { height: 0, timeMs: null });
  const essential = readings.filter(({ isEssential }) => isEssential);
  const isServed = essential.some(({ problem }) => problem === null);
  return readings.map((reading) => {
    const { name, problem, isEssential, advisory, head } = reading;
    if (problem !== null) {
      const grade = isEssential && !isServed ? broken : warning;
      const toDo = !isEssential
        ? "Until then news come later: the node is polled."
        : isServed
          ? "Another endpoint answers meanwhile."
          : null;
      return grade(what, problem.includes(name) ? problem : `${name}: ${problem}`, toDo);
    }
    if (!head) return ok(what, `${name} answers`);
    const found = `${name}: ${headText(reading, nowMs)}`;
    if (advisory !== null) return warning(what, `${found}. ${advisory}`);
    if (isBehind(head, best)) return warning(what, `${found}, ${best.height - head.height} blocks behind another.`);
    if (head.timeMs !== null && nowMs - head.timeMs > silenceMs) {
      const toDo = "Is it cut off from the network or stuck, or is this machine's clock ahead?";
      return warning(what, `${found}: that is too old.`, toDo);
    }
    return ok(what, found);
  });
}

function headText({ head, latencyMs }: EndpointReading, nowMs: number): string {
  const age = head?.timeMs == null ? "" : ` of ${Math.round((nowMs - head.timeMs) / 1_000)} s ago`;
  return `the right network, block ${head?.height}${age}, answers in ${Math.round(latencyMs ?? 0)} ms`;
}

function isBehind(head: NonNullable<EndpointReading["head"]>, best: NonNullable<EndpointReading["head"]>): boolean {
  if (head.timeMs !== null && best.timeMs !== null) return best.timeMs - head.timeMs > LAG_MS;
  return best.height - head.height > LAG_BLOCKS;
}
