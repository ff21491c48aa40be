/** How many files, sockets included, this process may have open. */
import { readFileSync } from "node:fs";

/** The soft limit, which Node raises to the hard one at its start; `null`: there is none, or it cannot be read. */
export function descriptorLimit(): number | null {
  return fromProc() ?? fromReport();
}

function fromProc(): number | null {
  try {
    return parseProcLimits(readFileSync("/proc/self/limits", "utf8"));
  } catch {
    // Not Linux: the report knows it elsewhere.
    return null;
  }
}

/** `null` for `unlimited`. */
export function parseProcLimits(text: string): number | null {
  const soft = /^Max open files +([0-9]+)/m.exec(text)?.[1];
  return soft === undefined ? null : Number(soft);
}

function fromReport(): number | null {
  // Otherwise the report looks up the names of all addresses, which may take seconds.
  Object.assign(process.report, { excludeNetwork: true });
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft?: number | string } } };
  const soft = Number(report.userLimits?.open_files?.soft);
  return Number.isFinite(soft) ? soft : null;
}
