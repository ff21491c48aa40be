/**
 * A real headless Chromium (found by `npm test`), for the browser samples of the documents. A page is served from a
 * loopback HTTP server, so that it has an origin as a shop's page has; what it prints and receives can be read.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { PROGRAMS, requireProgram } from "../../../tools/provision/programs.ts";

const LAUNCH_TIMEOUT_MS = 60_000;
const PAGE_TIMEOUT_MS = 30_000;
const POLL_INTERVAL_MS = 20;

const FLAGS = [
  // The tests may run as root in a container, where Chromium's own sandbox cannot start.
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts a browser with an empty profile. Throws, saying how to install it, when there is none. */
export async function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: requireProgram(PROGRAMS.chromium),
    headless: true,
    args: FLAGS,
    timeout: LAUNCH_TIMEOUT_MS,
  });
}

/** One page and what was seen of it. */
export class TestPage {
  readonly page: Page;
  /** Every `console` call of the page, its arguments joined by a space as text. */
  readonly printed: string[] = [];
  /** Every text message that a WebSocket of the page received, in order. */
  readonly received: string[] = [];
  /** Every text message that a WebSocket of the page sent, in order. */
  readonly sent: string[] = [];
  /** Errors that the page did not catch. */
  readonly errors: string[] = [];
  readonly #server: Server;

  constructor(page: Page, server: Server) {
    this.page = page;
    this.#server = server;
    page.on("console", (message) => this.printed.push(message.text()));
    page.on("pageerror", (error) => this.errors.push(String(error)));
    page.on("websocket", (socket) => {
      socket.on("framereceived", ({ payload }) => this.received.push(payload.toString()));
      socket.on("framesent", ({ payload }) => this.sent.push(payload.toString()));
    });
  }

  /** Resolves when the condition holds. Throws after `timeoutMs` with everything that was seen. */
  async until(condition: (page: TestPage) => boolean, timeoutMs = PAGE_TIMEOUT_MS): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!condition(this)) {
      if (Date.now() > deadline) {
        const { printed, received, errors } = this;
        throw new Error(`Not seen within ${timeoutMs} ms: ${JSON.stringify({ printed, received, errors }, null, 2)}`);
      }
      await this.page.waitForTimeout(POLL_INTERVAL_MS);
    }
  }

  async close(): Promise<void> {
    await this.page.context().close();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** What the page's server has besides the page. */
export interface PageFile {
  type: string;
  body: string | Buffer;
}

export interface PageOptions extends BrowserContextOptions {
  /** By path, `/script.js`; every other path shows the page. */
  files?: Readonly<Record<string, PageFile>>;
}

/** Opens a page that shows the given HTML, in a browser context of its own. */
export async function openPage(browser: Browser, html: string, options: PageOptions = {}): Promise<TestPage> {
  const { files = {}, ...contextOptions } = options;
  const shown: PageFile = { type: "text/html; charset=utf-8", body: html };
  const server = createServer(({ url = "" }, response) => {
    const { type, body } = files[url] ?? shown;
    response.writeHead(200, { "content-type": type }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const context = await browser.newContext(contextOptions);
  context.setDefaultTimeout(PAGE_TIMEOUT_MS);
  const page = new TestPage(await context.newPage(), server);
  try {
    await page.page.goto(`http://127.0.0.1:${port}/`);
  } catch (error) {
    await page.close();
    throw error;
  }
  return page;
}

/** A page that runs one script, as it would stand in a shop's page, behind what `body` shows. */
export function pageWithScript(script: string, body = ""): string {
  return `<!doctype html><meta charset="utf-8"><title>sample</title><link rel="icon" href="data:,">${body}<script>
${script.replaceAll("</script", "<\\/script")}
</script>`;
}
