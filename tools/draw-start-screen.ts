/**
 * `npm run picture`: draws docs/images/sandbox.svg, the picture of README.md, from what `npm start` really shows: starts
 * the sandbox on port 8000 in a temporary directory on a pseudo terminal (`script` of util-linux), makes a payment, pays
 * it, takes it back by a reorganisation and lets it come again.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const PICTURE = fileURLToPath(new URL("../docs/images/sandbox.svg", import.meta.url));
const CLI = fileURLToPath(new URL("../packages/server/src/cli/paybell.ts", import.meta.url));
const API = "http://127.0.0.1:8000";
const TITLE =
  "paybell start: the start screen, and the events of a payment that is paid, taken back by a reorganisation, and paid again";
const COLUMNS = 118;
const LINE_PX = 18;
/** Time for what was done to be on the screen. */
const SHOWN_MS = 500;
const READY_MS = 20_000;
const POLL_MS = 100;

const COLOURS: Readonly<Record<string, string>> = {
  "31": "#e06c75",
  "32": "#98c379",
  "33": "#e5c07b",
  "36": "#56b6c2",
};
const PLAIN = "#d7dae0";
const DIM = "#7f848e";

/** Select Graphic Rendition (ECMA-48, 8.3.117) and the text behind it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
const PIECE = /(?:\u001b\[([0-9;]*)m)?([^\u001b]*)/g;

const dataDir = mkdtempSync(join(tmpdir(), "paybell-picture-"));
try {
  writeFileSync(PICTURE, svg((await capture()).replaceAll(dataDir, "./.paybell")));
  console.log(PICTURE);
} finally {
  rmSync(dataDir, { recursive: true });
}

async function capture(): Promise<string> {
  const command = `"${process.execPath}" --conditions=@paybell/source "${CLI}" start`;
  const environment = { ...process.env, PAYBELL_PORT: "8000", PAYBELL_DATA_DIR: dataDir, TERM: "xterm-256color" };
  const terminal = spawn("script", ["-qefc", command, "/dev/null"], { env: environment });
  let screen = "";
  terminal.stdout.on("data", (bytes: Buffer) => {
    screen += bytes.toString();
  });
  try {
    await ready();
    const { id } = await post<{ id: string }>("/v1/payments", { amount: "1500000", asset: "SBX", chain: "sandbox" });
    await post("/v1/sandbox/pay", { paymentId: id });
    await post("/v1/sandbox/mine", { blocks: 2 });
    await post("/v1/sandbox/reorg", { depth: 2 });
    await post("/v1/sandbox/mine", { blocks: 6 });
    await delay(SHOWN_MS);
    return screen;
  } finally {
    terminal.kill("SIGTERM");
  }
}

async function ready(): Promise<void> {
  const untilMs = performance.now() + READY_MS;
  while (performance.now() < untilMs) {
    const answer = await fetch(`${API}/readyz`).catch(() => null);
    if (answer?.ok) return;
    await delay(POLL_MS);
  }
  throw new Error(`Nothing answers at ${API}.`);
}

async function post<T>(path: string, body: object): Promise<T> {
  const headers = { authorization: "Bearer sk_sandbox_paybell", "content-type": "application/json" };
  const answer = await fetch(`${API}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`POST ${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

function svg(screen: string): string {
  const lines = screen.replaceAll("\r", "").trim().split("\n");
  const height = (lines.length + 1) * LINE_PX + 6;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 991 ${height}" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="13.6"><title>${TITLE}</title>`,
    '<rect width="100%" height="100%" rx="8" fill="#1e2127"/>',
    ...lines.map((line, row) => textLine(row === 0 ? `  ${line}` : line, (row + 1) * LINE_PX + 4)),
    "</svg>",
    "",
  ]
    .filter((line) => line !== null)
    .join("\n");
}

/** `null` for an empty line. */
function textLine(line: string, y: number): string | null {
  const spans = spansOf(line);
  if (spans.length === 0) return null;
  return `<text x="12" y="${y}" xml:space="preserve">${spans.join("")}</text>`;
}

/** The line's pieces by their colours (SGR: colour, bold 1, dim 2), cut off at the edge of the screen. */
function spansOf(line: string): string[] {
  const spans: string[] = [];
  let fill = PLAIN;
  let bold = false;
  let left = COLUMNS;
  for (const [, codes, text = ""] of line.matchAll(PIECE)) {
    for (const code of codes?.split(";") ?? []) {
      if (code === "1") bold = true;
      else if (code === "2") fill = DIM;
      else if (code === "22") [bold, fill] = [false, fill === DIM ? PLAIN : fill];
      else fill = COLOURS[code] ?? PLAIN;
    }
    if (text === "" || left <= 0) continue;
    const shown = text.length > left ? `${text.slice(0, left - 1)}…` : text;
    left -= text.length;
    spans.push(`<tspan fill="${fill}"${bold ? ' font-weight="bold"' : ""}>${escaped(shown)}</tspan>`);
  }
  return spans;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
