/**
 * Writes docs/reference/ from the tables that the program itself uses: errors, limits, metrics, configuration, HTTP API.
 * A test fails when a page differs from what this makes; `npm run docs` makes it anew.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ERRORS } from "@paybell/protocol";
import { chainKinds } from "../packages/server/src/config/chain-schema.ts";
import { flagName } from "../packages/server/src/config/layers.ts";
import { pusherAppSchema } from "../packages/server/src/config/pusher.ts";
import { configSchema, ENVIRONMENT, UNIT } from "../packages/server/src/config/schema.ts";
import { SETTINGS, type Setting } from "../packages/server/src/config/settings.ts";
import { METRICS, type MetricSpec } from "../packages/server/src/http/metric-table.ts";
import { LIMITS, type LimitSpec } from "../packages/server/src/kit/limits.ts";
import { ALLOWED, allowedBy } from "../packages/server/src/kit/strict-schema.ts";
import { apiDocument } from "./api-document.ts";
import { exportFormat } from "./export-format.ts";

const FOLDER = new URL("../docs/reference/", import.meta.url);
const MANIFEST = new URL("../packages/server/package.json", import.meta.url);
/** Settings that have a flag of `paybell start`. */
const FLAGS = new Set(["mode", "host", "port", "dataDir", "logLevel"]);

type Schema = Record<string, unknown>;

/** File name → text, of every page. */
export async function referencePages(): Promise<Record<string, string>> {
  const { version } = JSON.parse(readFileSync(MANIFEST, "utf8")) as { version: string };
  return {
    "errors.md": errorsPage(),
    "limits.md": limitsPage(),
    "metrics.md": metricsPage(),
    "config.md": configPage(),
    "export-format.md": page("Export format", "packages/server/src/storage/moving/tables.ts", exportFormat(table)),
    "paybell.config.schema.json": json(editorSchema()),
    "openapi.json": json(await apiDocument(version)),
  };
}

export const REFERENCE_FOLDER = fileURLToPath(FOLDER);

function errorsPage(): string {
  const rows = Object.entries(ERRORS).map(([code, spec]) => [
    `\`${code}\``,
    String(spec.httpStatus),
    spec.closeCode === null ? "" : String(spec.closeCode),
    spec.retryable ? "yes" : "no",
    spec.meaning,
    spec.whatToDo,
  ]);
  return page("Errors", "packages/protocol/src/errors.ts", [
    'Every refusal has one of these codes, on HTTP as `{"error":{"code","message","details?"}}`, on a WebSocket as a message and,',
    'where it ends the connection, as the close code. "Retryable": the same request may succeed later, unchanged.',
    "Close codes from 4000 to 4099 say: do not come back unchanged; from 4100 to 4199: after a pause; from 4200 to 4299: at once.",
    "",
    table(["Code", "HTTP", "Close", "Retryable", "Meaning", "What to do"], rows),
  ]);
}

const OVER_NODES = `With PostgreSQL and several nodes, limits that are counted by **all nodes** hold for what all of them have together. The
nodes tell each other once a second (with more than 20 nodes every \`n\` × 50 ms), so such a count is up to two of these rounds old:
who comes slowly is refused exactly at the limit, whichever node he comes to; in a rush each node takes what it knows to be
free, so that the limit can be passed by what the *other* nodes took within the last two rounds, and no node ever has more
than the limit itself. Of a limit above 100 a node tells only counts that matter, which adds at most an eighth of it; of each
limit it tells its 200 greatest. A node that ends tells the others before its clients come to them; one that died, or that
cannot reach the database, counts for 5 rounds more. While the database cannot be reached each node's own count holds, and
Redis does not matter.`;

function limitsPage(): string {
  const rows = Object.entries<LimitSpec>(LIMITS).map(([name, spec]) => [
    `\`${name}\``,
    String(spec.default),
    spec.unit,
    spec.overNodes ? "all nodes" : "each process",
    spec.meaning,
  ]);
  return page("Limits", "packages/server/src/kit/limits.ts", [
    "Set in `paybell.config.json` under `limits`.",
    "",
    OVER_NODES,
    "",
    table(["Name", "Default", "Unit", "Counted by", "Meaning"], rows),
  ]);
}

function metricsPage(): string {
  const rows = Object.entries<MetricSpec>(METRICS).map(([name, { type, labels, help }]) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(", "),
    help,
  ]);
  return page("Metrics", "packages/server/src/http/metric-table.ts", [
    "`GET /metrics` in the text format of Prometheus. In live mode it needs a secret key:",
    "",
    "```yaml",
    "scrape_configs:",
    "  - job_name: paybell",
    "    authorization: { credentials_file: /etc/prometheus/paybell.key }",
    "    static_configs: [{ targets: ['127.0.0.1:8000'] }]",
    "```",
    "",
    "Units stand in the names; histograms have `_bucket`, `_sum` and `_count`. No label holds the id of anything.",
    "A dashboard for Grafana that shows all of them is in [../grafana/paybell.json](../grafana/paybell.json): import it and",
    "choose the Prometheus data source.",
    "",
    table(["Name", "Type", "Labels", "Meaning"], rows),
  ]);
}

function configPage(): string {
  const settings = SETTINGS.filter(({ path }) => path[0] !== "limits");
  return page("Configuration", "packages/server/src/config/schema.ts", [
    "A value may stand in `paybell.config.json` (or the file that `--config` names), in the environment, and on the command line.",
    "The command line wins over the environment, which wins over the file. Lists are comma-separated in the environment.",
    "Anything unknown or wrong stops the start with its name and what is allowed.",
    "",
    'Editors complete and check the file with `"$schema": "./docs/reference/paybell.config.schema.json"`.',
    "",
    "## Settings",
    "",
    table(["In the file", "Environment", "Flag", "Default", "Allowed", "Meaning"], settings.map(settingRow)),
    "",
    "`limits` has a page of its own: [limits.md](limits.md).",
    "",
    "## `hosts`",
    "",
    'Host name of a request → id of a merchant, for wires whose clients carry no key: `{"shop.example": "corner-shop"}`.',
    "",
    "## `chains`",
    "",
    "Chains by the name that the API uses. The sandbox brings its own, `sandbox`.",
    ...Object.entries(chainKinds).flatMap(([kind, schema]) => chainSection(kind, schema as unknown as Schema)),
    "",
    "## `pusher.apps`",
    "",
    "Clients of the Pusher protocol connect with the key of an app. The sandbox has the app `paybell` with the keys `paybell`",
    "and `1d9ffac87de599c61283` (which Transak's clients have built in), the secret `as_sandbox_paybell` and a master key. In",
    "live mode there is no app but yours. A key is public and opens public channels: an app of `id` and `key` alone is enough",
    'for them, e.g. `{"id": "transak", "key": "1d9ffac87de599c61283"}`. Private channels need a secret, encrypted ones a',
    "master key too; the sandbox's are refused in live mode.",
    "",
    keyTable(pusherAppSchema as unknown as Schema),
    "",
    "## Example",
    "",
    "```json",
    json(EXAMPLE).trimEnd(),
    "```",
  ]);
}

/** Also checked: the test loads it. */
export const EXAMPLE = {
  mode: "live",
  host: "0.0.0.0",
  tls: { certFile: "cert.pem", keyFile: "key.pem" },
  allowedOrigins: ["https://shop.example"],
  hosts: { "shop.example": "corner-shop" },
  chains: {
    bitcoin: {
      kind: "bitcoin",
      network: "mainnet",
      rpcUrl: "http://127.0.0.1:8332",
      rpcCookieFile: "bitcoin/.cookie",
      zmq: { rawtx: "tcp://127.0.0.1:28332", sequence: "tcp://127.0.0.1:28333" },
      confirmations: 2,
      finalConfirmations: 6,
    },
    tron: { kind: "external", assets: [{ symbol: "USDT", decimals: 6 }], confirmations: 19, finalConfirmations: 19 },
  },
  limits: { connections: 5000 },
};

function settingRow(setting: Setting): string[] {
  const name = setting.path.join(".");
  const preset = setting.default === undefined ? "" : `\`${JSON.stringify(setting.default)}\``;
  return [
    `\`${name}\``,
    setting.environment === null ? "" : `\`${setting.environment}\``,
    FLAGS.has(name) ? `\`${flagName(name)}\`` : "",
    setting.unit ? `${preset} ${setting.unit}` : preset,
    setting.words?.map((word) => `\`${word}\``).join(", ") ?? setting.type,
    setting.meaning,
  ];
}

function chainSection(kind: string, schema: Schema): string[] {
  return ["", `### \`"kind": "${kind}"\``, "", String(schema.description), "", keyTable(schema)];
}

function keyTable(schema: Schema): string {
  const required = (schema.required ?? []) as string[];
  const rows = Object.entries(schema.properties as Record<string, Schema>)
    .filter(([name]) => name !== "kind")
    .map(([name, property]) => [
      `\`${name}\``,
      required.includes(name) ? "yes" : "no",
      property.default === undefined ? "" : `\`${property.default}\`${property[UNIT] ? ` ${property[UNIT]}` : ""}`,
      allowedBy(property),
      String(property.description ?? ""),
    ]);
  return table(["Key", "Required", "Default", "Allowed", "Meaning"], rows);
}

/** Plain JSON Schema, without our own annotations. */
function editorSchema(): unknown {
  const schema = strip(configSchema) as Schema;
  const properties = { $schema: { type: "string" }, ...(schema.properties as Schema) };
  return { $schema: "http://json-schema.org/draft-07/schema#", title: "paybell.config.json", ...schema, properties };
}

function strip(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strip);
  if (typeof value !== "object" || value === null) return value;
  const ours = new Set([ENVIRONMENT, UNIT, ALLOWED]);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !ours.has(name))
      .map(([name, part]) => [name, strip(part)]),
  );
}

function page(title: string, source: string, lines: readonly string[]): string {
  return [
    `# ${title}`,
    "",
    `<!-- Made by \`npm run docs\` from ${source}; edits here are lost. -->`,
    "",
    ...lines,
    "",
  ].join("\n");
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

if (import.meta.main) {
  mkdirSync(FOLDER, { recursive: true });
  for (const [name, text] of Object.entries(await referencePages())) {
    writeFileSync(new URL(name, FOLDER), text);
    console.log(`docs/reference/${name}`);
  }
}
