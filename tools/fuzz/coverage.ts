/** Which characters of the sources have been executed, as V8 counts it. */
import { type Profiler, Session } from "node:inspector/promises";

/** Must be connected before the sources are imported. */
export class Coverage {
  readonly #session = new Session();
  /** Executed characters of each function, by script and place. */
  readonly #reached = new Map<string, Uint8Array>();
  #files = /./;

  static async connect(): Promise<Coverage> {
    const coverage = new Coverage();
    coverage.#session.connect();
    await coverage.#session.post("Profiler.enable");
    await coverage.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
    return coverage;
  }

  /** Begins anew with these sources. What was executed until now does not count. */
  async watch(files: RegExp, sources: readonly Profiler.ScriptCoverage[]): Promise<void> {
    this.#files = files;
    this.#reached.clear();
    await this.take();
    for (const { url, functions } of sources) {
      // The module itself, which every import executes, is not what is looked for.
      for (const { ranges } of files.test(url) ? functions.slice(1) : []) this.#map(url, ranges);
    }
  }

  /** What was executed since the last time. */
  async take(): Promise<Profiler.ScriptCoverage[]> {
    const { result } = await this.#session.post("Profiler.takePreciseCoverage");
    return result.filter(({ url }) => url.startsWith("file:") && !url.includes("/node_modules/"));
  }

  /** Were characters executed that had not been before? */
  hasNew(taken: readonly Profiler.ScriptCoverage[]): boolean {
    return this.#walk(taken, () => undefined);
  }

  /** As `hasNew`, and remembers them. */
  add(taken: readonly Profiler.ScriptCoverage[]): boolean {
    return this.#walk(taken, (reached, place) => {
      reached[place] = 1;
    });
  }

  /** Characters executed so far, of those in all functions of the watched sources. */
  get share(): { executed: number; of: number } {
    const maps = [...this.#reached.values()];
    const executed = maps.reduce((sum, map) => sum + map.reduce((ones, one) => ones + one, 0), 0);
    return { executed, of: maps.reduce((sum, map) => sum + map.length, 0) };
  }

  #walk(taken: readonly Profiler.ScriptCoverage[], onNew: (reached: Uint8Array, place: number) => void): boolean {
    let news = false;
    for (const { url, functions } of taken.filter((script) => this.#files.test(script.url))) {
      for (const { ranges } of functions) {
        const reached = this.#map(url, ranges);
        for (const [place, executed] of executedIn(ranges).entries()) {
          if (executed === 0 || reached[place] === 1) continue;
          news = true;
          onNew(reached, place);
        }
      }
    }
    return news;
  }

  #map(url: string, ranges: readonly Profiler.CoverageRange[]): Uint8Array {
    const { startOffset, endOffset } = ranges[0] as Profiler.CoverageRange;
    const name = `${url}:${startOffset}`;
    const known = this.#reached.get(name) ?? new Uint8Array(endOffset - startOffset);
    this.#reached.set(name, known);
    return known;
  }
}

/** By character of the function. The first range is all of it; later ones lie within earlier ones and correct them. */
function executedIn(ranges: readonly Profiler.CoverageRange[]): Uint8Array {
  const { startOffset: start, endOffset: end } = ranges[0] as Profiler.CoverageRange;
  const executed = new Uint8Array(end - start);
  for (const { startOffset, endOffset, count } of ranges) {
    executed.fill(count > 0 ? 1 : 0, startOffset - start, endOffset - start);
  }
  return executed;
}
