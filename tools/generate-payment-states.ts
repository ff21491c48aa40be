/** `PAYMENT_STATES.md`: prose from here, tables from the code that decides. Run by `npm run docs`. */
import { writeFileSync } from "node:fs";
import { DELIVERY_STATES, PAYMENT_FLAGS, PAYMENT_STATUSES, STOCK_STATES, TRANSFER_STATUSES } from "@paybell/protocol";
import {
  COMMAND_TABLE,
  COMMANDS,
  type CommandCell,
  type Condition,
  DELIVERY_IN_STATUS,
  DELIVERY_NEXT,
  DELIVERY_WHILE_SHORT,
} from "../packages/server/src/payments/commands-table.ts";
import { COVERAGES } from "../packages/server/src/payments/coverage.ts";
import { orderStatus } from "../packages/server/src/payments/order.ts";
import { isOpen } from "../packages/server/src/payments/payment.ts";
import {
  STOCK_BY_COMMAND,
  STOCK_BY_STATUS,
  STOCK_COMMANDS,
  type StockStep,
} from "../packages/server/src/payments/stock-table.ts";
import {
  FIRST_OBSERVATION,
  type ObservedStatus,
  TRANSFER_TRANSITIONS,
  type TransferStep,
} from "../packages/server/src/payments/transfer-transitions.ts";
import { NEW_FUNDS, TIME_TRIGGERS, TRANSITIONS } from "../packages/server/src/payments/transitions.ts";
import {
  CLAIM_NOTE,
  COVERAGE_TEXT,
  DECISIONS,
  EVENT_ORDER,
  FLAG_TEXT,
  INVARIANTS,
  LATE_NOTE,
  STANDING_TEXT,
  STOCK_COMMAND_TEXT,
  STOCK_INTRO,
  STOCK_NOTES,
  STOCK_STATE_TEXT,
  TRANSFER_NOTES,
} from "./payment-states/prose.ts";

const bold = (text: string) => `**${text}**`;
const code = (text: string) => `\`${text}\``;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function numbered(items: readonly string[]): string {
  return items.map((item, at) => `${at + 1}. ${item}`).join("\n");
}

function transferTable(): string {
  const observed = Object.keys(FIRST_OBSERVATION) as ObservedStatus[];
  const cell = (step: TransferStep) => (step === "ignored" ? "·" : step === "in_block" ? "in a block" : step);
  return table(
    ["From \\ observed as", ...observed],
    [
      ["not known", ...observed.map((status) => cell(FIRST_OBSERVATION[status]))],
      ...TRANSFER_STATUSES.map((from) => [bold(from), ...observed.map((to) => cell(TRANSFER_TRANSITIONS[from][to]))]),
    ],
  );
}

function coverageTable(): string {
  return table(
    ["From \\ coverage", ...COVERAGES],
    PAYMENT_STATUSES.map((from) => [
      bold(from),
      ...COVERAGES.map((coverage) => {
        const { to, event } = TRANSITIONS[from][coverage];
        if (to === from) return "·";
        return event === null ? `${to} (told by the loss)` : `${to}, ${code(event)}`;
      }),
    ]),
  );
}

function fundsTable(): string {
  return table(
    ["Status", "New money that moves no status is told by"],
    PAYMENT_STATUSES.map((status) => [
      bold(status),
      NEW_FUNDS[status] === null ? `${code("payment.overpaid")}, if more than the amount` : code(NEW_FUNDS[status]),
    ]),
  );
}

function timeTable(): string {
  const rows = PAYMENT_STATUSES.flatMap((status) => {
    const trigger = TIME_TRIGGERS[status];
    if (trigger === null) return [];
    const only = trigger.onlyNeverInBlock ? ", and never in a block" : "";
    const told = code(trigger.event ?? "");
    return [[bold(status), code(trigger.at), `${trigger.whenCoverage.join(", ")}${only}`, trigger.to, told]];
  });
  return table(["Status", "Once watched until", "If coverage is", "To", "Event"], rows);
}

const WHEN: Readonly<Record<Condition, string>> = {
  no_transfer: "while no transfer is live or orphaned; a standing payment always",
  in_doubt: "with `needs_review` or `manual`",
};

function commandCell(cell: CommandCell): string {
  if (cell === "refused") return "refused";
  if (cell === "unchanged") return "already so";
  return cell.when === null ? cell.to : `${cell.to}, ${WHEN[cell.when]}`;
}

function commandTable(): string {
  return table(
    ["Status", ...COMMANDS],
    PAYMENT_STATUSES.map((status) => [
      bold(status),
      ...COMMANDS.map((command) => commandCell(COMMAND_TABLE[status][command])),
    ]),
  );
}

const listed = (items: readonly string[]) => (items.length === 0 ? "nothing" : items.join(", "));

function deliveryTables(): string {
  const next = table(
    ["Delivery", "May become"],
    DELIVERY_STATES.map((from) => [bold(from), listed(DELIVERY_NEXT[from])]),
  );
  const inStatus = table(
    ["While the payment is", "Delivery may be set to"],
    PAYMENT_STATUSES.map((status) => [bold(status), listed(DELIVERY_IN_STATUS[status])]),
  );
  return `${next}\n\n${inStatus}`;
}

const STOCK_CELL: Readonly<Record<StockStep, string>> = {
  keep: "·",
  take: "**taken**",
  take_if_free: "**taken** if free, else **short**",
  release: "released",
  return_if_undelivered: "returned, if delivery is `none`",
};

function stockTables(): string {
  const states = table(
    ["Stock", "Means"],
    STOCK_STATES.map((stock) => [bold(stock), STOCK_STATE_TEXT[stock]]),
  );
  const byStatus = table(
    ["The event leaves the payment \\ it was", ...STOCK_STATES],
    PAYMENT_STATUSES.map((status) => [
      bold(status),
      ...STOCK_STATES.map((stock) => STOCK_CELL[STOCK_BY_STATUS[status][stock]]),
    ]),
  );
  const byCommand = table(
    ["Said \\ it was", ...STOCK_STATES],
    STOCK_COMMANDS.map((command) => [
      STOCK_COMMAND_TEXT[command],
      ...STOCK_STATES.map((stock) => STOCK_CELL[STOCK_BY_COMMAND[command][stock]]),
    ]),
  );
  const orders = table(
    ["Order \\ stock", ...STOCK_STATES],
    PAYMENT_STATUSES.map((status) => [
      bold(status),
      ...STOCK_STATES.map((stock) => orderStatus({ status, stock }) ?? ""),
    ]),
  );
  const notes = STOCK_NOTES(DELIVERY_WHILE_SHORT.join(", ")).map((note) => `- ${note}`);
  return [states, byStatus, byCommand, notes.join("\n"), "What a customer calls the order's status:", orders].join(
    "\n\n",
  );
}

/** Every edge between two statuses, with the coverage, deadline or command that leads along it. */
function diagram(): string {
  const edges = new Map<string, string[]>();
  const edge = (from: string, to: string, label: string) => {
    const key = `  ${from} --> ${to}`;
    edges.set(key, [...(edges.get(key) ?? []), label]);
  };
  for (const from of PAYMENT_STATUSES) {
    for (const coverage of COVERAGES) {
      const { to } = TRANSITIONS[from][coverage];
      if (to !== from) edge(from, to, coverage);
    }
    const trigger = TIME_TRIGGERS[from];
    if (trigger) edge(from, trigger.to, trigger.at === "expiresAtMs" ? "expiry" : "end of monitoring");
    for (const command of COMMANDS) {
      const cell = COMMAND_TABLE[from][command];
      if (typeof cell === "object" && cell.to !== from && cell.when !== "in_doubt") {
        edge(from, cell.to, command.replace("_", " "));
      }
    }
  }
  const lines = [...edges].map(([key, labels]) => `${key}: ${labels.join(", ")}`);
  return ["```mermaid", "stateDiagram-v2", "  [*] --> pending: create", ...lines, "```"].join("\n");
}

/** The whole of PAYMENT_STATES.md. */
export function renderPaymentStates(): string {
  const open = PAYMENT_STATUSES.filter(isOpen).join(", ");
  const sections: readonly (readonly [string, string])[] = [
    [
      "## Transfers",
      "One output, log or instruction that pays. Identity: (chain, txId, index); the block is evidence.",
    ],
    ["", `${transferTable()}\n\n·: says nothing new, ignored.`],
    ["", TRANSFER_NOTES.map((note) => `- ${note}`).join("\n")],
    [
      "## Coverage",
      "How well the live transfers (seen, included, confirmed, final) cover the amount. The strongest that holds:",
    ],
    [
      "",
      table(
        ["Coverage", "Holds when"],
        COVERAGES.map((coverage) => [bold(coverage), COVERAGE_TEXT[coverage]]),
      ),
    ],
    ["## Payments", diagram()],
    [
      "",
      `Open, so that no second payment may wait on the same address (for the same match, where payments share one): ${open}.`,
    ],
    ["### Coverage moves the status", `${coverageTable()}\n\n·: stays. ${LATE_NOTE}`],
    ["### Money that moves no status", fundsTable()],
    ["### Time moves the status", timeTable()],
    ["### Commands", `${commandTable()}\n\n${CLAIM_NOTE}`],
    ["### Delivery", deliveryTables()],
    [
      "### Flags",
      table(
        ["Flag", "Set when"],
        PAYMENT_FLAGS.map((flag) => [code(flag), FLAG_TEXT[flag]]),
      ),
    ],
    ["### Order of events", EVENT_ORDER],
    ["### Standing payments", STANDING_TEXT],
    ["## Stock", `${STOCK_INTRO}\n\n${stockTables()}`],
    ["## Decisions", numbered(DECISIONS)],
    [
      "## Invariants",
      numbered(
        INVARIANTS.map(
          ({ text, file, test }) => `${text}\n   ${code(`packages/server/test/payments/${file}`)}: “${test}”`,
        ),
      ),
    ],
  ];
  const intro =
    "# The life of a payment\n\n" +
    "Generated by `npm run docs` from the tables in `packages/server/src/payments/`; a test fails when they differ. " +
    "`decide(state, input, now)` is pure and total: it gives the next state and the events that tell it, or a refusal.";
  return `${[intro, ...sections.map(([head, body]) => (head === "" ? body : `${head}\n\n${body}`))].join("\n\n")}\n`;
}

if (import.meta.main) writeFileSync(new URL("../PAYMENT_STATES.md", import.meta.url), renderPaymentStates());
