/** What the doctor found, one thing each. */
import pc from "picocolors";

export type Status = "ok" | "warning" | "broken" | "skipped";

export interface Finding {
  /** `config`, `database`, `chain bitcoin`, … */
  what: string;
  status: Status;
  found: string;
  /** `null`: nothing, or `found` says it. */
  toDo: string | null;
}

export const ok = (what: string, found: string): Finding => ({ what, status: "ok", found, toDo: null });
export const warning = (what: string, found: string, toDo: string | null = null): Finding => ({
  what,
  status: "warning",
  found,
  toDo,
});
export const broken = (what: string, found: string, toDo: string | null = null): Finding => ({
  what,
  status: "broken",
  found,
  toDo,
});
/** It could not be looked at; `found` says why. */
export const skipped = (what: string, found: string): Finding => ({ what, status: "skipped", found, toDo: null });

/** The worst of them. */
export function overall(findings: readonly Finding[]): Exclude<Status, "skipped"> {
  const order = ["broken", "warning"] as const;
  return order.find((status) => findings.some((finding) => finding.status === status)) ?? "ok";
}

const COLOURS = { ok: "green", warning: "yellow", broken: "red", skipped: "dim" } as const;

/** A table: status, what, what was found, and below it what to do. */
export function render(findings: readonly Finding[], colours: boolean): string {
  const paint = pc.createColors(colours);
  const widthOf = (texts: readonly string[]) => Math.max(...texts.map(({ length }) => length));
  const statusWidth = widthOf(findings.map(({ status }) => status));
  const whatWidth = widthOf(findings.map(({ what }) => what));
  const indent = " ".repeat(statusWidth + whatWidth + 4);
  return findings
    .map(({ what, status, found, toDo }) => {
      const first = `${paint[COLOURS[status]](status.padEnd(statusWidth))}  ${what.padEnd(whatWidth)}  ${found}\n`;
      return toDo === null ? first : `${first}${indent}→ ${toDo}\n`;
    })
    .join("");
}
