/**
 * The house as a table: which part of the server may import which. Source: ARCHITECTURE.md.
 *
 * An entry is a folder of `packages/server/src` (all of it), or one file where only a contract may be seen.
 * `@paybell/protocol` and `kit/` are open to all; a folder may always import itself.
 */
export const SERVER = "packages/server/src/";

export interface Part {
  mayImport: readonly string[];
  /** Shown when an import is refused. */
  because: string;
}

export const PARTS: Readonly<Record<string, Part>> = {
  kit: { mayImport: [], because: "kit knows nothing of the domain" },
  payments: { mayImport: [], because: "payments is pure: decisions depend on nothing but their arguments" },
  log: { mayImport: ["payments"], because: "the log is a contract over payments; stores and readers depend on it" },
  storage: {
    mayImport: ["log", "payments", "chains/sandbox/ledger.ts"],
    because: "a store implements the contracts of the log and of the sandbox's ledger and knows no one else",
  },
  chains: {
    mayImport: ["payments", "log/store.ts"],
    because: "a watcher reports what it saw; it neither decides nor delivers",
  },
  ingest: {
    mayImport: ["payments", "log", "chains/watcher.ts", "chains/match.ts"],
    because: "ingest is the only writer: observations in, appends out",
  },
  bus: { mayImport: ["log"], because: "the bus carries hints about the log, nothing else" },
  fanout: {
    mayImport: ["log", "bus/bus.ts"],
    because: "fan-out reads the log, hinted by the bus; who listens is the protocols' business",
  },
  transports: { mayImport: [], because: "transports move bytes and know nothing of payments" },
  protocols: {
    mayImport: [
      "transports",
      "fanout",
      "ingest",
      "log",
      "payments",
      "chains/watcher.ts",
      "chains/match.ts",
      "http/authenticator.ts",
      "http/deps.ts",
      "http/api.ts",
    ],
    because: "a protocol maps records to frames over the contracts",
  },
  http: {
    mayImport: ["transports", "fanout", "ingest", "log", "payments", "chains/watcher.ts", "chains/match.ts"],
    because: "the API speaks to the contracts, never to a store or a chain",
  },
  webhooks: { mayImport: ["log", "payments"], because: "webhooks read the log by a cursor of their own" },
  config: { mayImport: [], because: "the configuration is read before anything exists" },
};

/** Where concrete classes live. Only `main.ts`, `mount-protocols.ts`, `open-bus.ts`, `open-chains.ts`, `open-store.ts`, `open-watching.ts`, `cli/`, the testkit, the tests and the bench may name them. */
export const CONCRETE = [
  // storage/moving/ is no database: the contract between them, and the file's format.
  /^storage\/(?!moving\/)[^/]+\//,
  /^chains\/(?!following\/|sandbox\/ledger\.ts$)[^/]+\//,
  /^bus\/(?!bus\.ts$)/,
] as const;

/** Started by Node or npm, not imported: `package.json` names the others. */
export const ENTRY_POINTS = [
  /\.test\.ts$/,
  // Ambient declarations: the compiler takes them up by itself.
  /\.d\.ts$/,
  /\.config\.ts$/,
  /^packages\/[^/]+\/src\/index\.ts$/,
  /^packages\/server\/src\/cli\/paybell\.ts$/,
  // Named by vitest.config.ts.
  /^packages\/server\/testkit\/fixed-seed\.ts$/,
  /^tools\/generate-[^/]+\.ts$/,
  /^(examples|bench)\//,
] as const;
