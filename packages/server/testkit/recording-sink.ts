/**
 * A sink that keeps what a watcher reports, with a transfer's last status as ingest would store it: for looking at the
 * reports themselves. What follows from them for payments is tested through the real ingest, see `watcher.ts`.
 */
import type { WatchReport, WatchSink } from "../src/chains/watcher.ts";
import type { OpenTransfer } from "../src/log/store.ts";
import type { Observation } from "../src/payments/transfer.ts";

export class RecordingSink implements WatchSink {
  readonly watched = new Set<string>();
  /** What was applied, without those that only say how far the chain was watched. */
  readonly reports: WatchReport[] = [];
  /** Called before a report is stored; throws to refuse it. */
  beforeApply: (report: WatchReport) => void | Promise<void> = () => undefined;
  watchedUntilMs: number | null = null;
  readonly #last = new Map<string, Observation>();
  #cursor: unknown | null = null;

  watches(recipient: string): boolean {
    return this.watched.has(recipient);
  }

  async refresh(): Promise<void> {}

  async cursor(): Promise<unknown | null> {
    return this.#cursor;
  }

  async openTransfers(): Promise<readonly OpenTransfer[]> {
    return [...this.#last.values()].flatMap((seen) => {
      const { status } = seen;
      if (status !== "seen" && status !== "included" && status !== "orphaned") return [];
      return [{ ...seen, status, firstSeenAtMs: seen.observedAtMs }];
    });
  }

  async apply(report: WatchReport): Promise<void> {
    await this.beforeApply(report);
    if (report.watchedUntilMs !== null) this.watchedUntilMs = report.watchedUntilMs;
    if (report.cursor !== null) this.#cursor = structuredClone(report.cursor);
    for (const { hash } of report.disconnected) {
      for (const [key, seen] of this.#last) {
        if (seen.block?.hash === hash) this.#last.set(key, { ...seen, status: "orphaned", block: null });
      }
    }
    for (const observation of report.observations) {
      this.#last.set(`${observation.txId}/${observation.index}`, observation);
    }
    if (report.head || report.disconnected.length > 0 || report.observations.length > 0) this.reports.push(report);
  }

  /** The observations of all reports in order, as `status txId`. */
  get told(): string[] {
    return this.reports.flatMap((report) => report.observations.map(({ status, txId }) => `${status} ${txId}`));
  }

  /** What is known of each transfer, by `txId/index`. */
  statusOf(txId: string, index = "0"): Observation["status"] | undefined {
    return this.#last.get(`${txId}/${index}`)?.status;
  }
}
