/** The PostgreSQL database of the configuration; nothing is changed, and a running server goes on undisturbed. */
import type { Config } from "../../config/config.ts";
import { messageOf } from "../../kit/errors.ts";
import { StartupError } from "../../kit/startup-error.ts";
import { type Inspection, inspectDatabase } from "../../storage/postgres/inspect.ts";
import { broken, type Finding, ok, warning } from "./finding.ts";

/** Does it answer, keep what it acknowledges, and fit this program? */
export async function postgresFindings(
  url: string,
  { mode }: Pick<Config, "mode">,
): Promise<{ findings: Finding[]; inspection: Inspection | null }> {
  const what = "database";
  try {
    const inspection = await inspectDatabase(url);
    return { findings: [durabilityFinding(inspection), schemaFinding(inspection, mode)], inspection };
  } catch (error) {
    const finding =
      error instanceof StartupError
        ? broken(what, error.message, error.hint)
        : broken(what, `It cannot be read: ${messageOf(error)}`, "Start PostgreSQL, or correct PAYBELL_DATABASE_URL.");
    return { findings: [finding], inspection: null };
  }
}

function durabilityFinding({ unfit, version }: Inspection): Finding {
  const what = "durability";
  return unfit ? broken(what, unfit.what, unfit.whatToDo) : ok(what, `PostgreSQL ${version}, fsync and commits are on`);
}

function schemaFinding({ mode: stored, pending, sizeMib }: Inspection, mode: Config["mode"]): Finding {
  const what = "database";
  if (pending.length > 0) {
    const found = `${pending.length} migrations to apply (${pending.join(", ")}).`;
    return warning(
      what,
      found,
      "paybell migrate, or the next start, does it; servers that run may go on unless one is named `.breaking`.",
    );
  }
  if (stored !== null && stored !== mode) {
    const toDo = `Set PAYBELL_MODE=${stored}, or give the ${mode} server a PAYBELL_DATABASE_URL of its own.`;
    return broken(what, `It was made in ${stored} mode, not in ${mode}.`, toDo);
  }
  return ok(what, `${mode} mode, ${sizeMib} MiB, up to date`);
}
