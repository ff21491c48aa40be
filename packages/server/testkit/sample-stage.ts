/** Where samples are played: the server that `npm start` runs, a real browser, Node programs, and a merchant's backend. */
import type { Browser } from "playwright-core";
import { launchChromium, openPage, type PageOptions, type TestPage } from "./chromium.ts";
import { Api } from "./clients/api.ts";
import { OrderDesk } from "./clients/order-desk.ts";
import { Gate } from "./gate.ts";
import { NodeSample } from "./samples.ts";
import { ServerProcess, type ServerProcessOptions } from "./server-process.ts";

export class SampleStage {
  readonly server: ServerProcess;
  readonly browser: Browser;
  readonly api: Api;
  readonly desk: OrderDesk;
  readonly #playing: { close(): Promise<void> }[] = [];

  private constructor(server: ServerProcess, browser: Browser) {
    this.server = server;
    this.browser = browser;
    this.api = new Api(server.url);
    this.desk = new OrderDesk(this.api);
  }

  static async open(options: ServerProcessOptions = {}): Promise<SampleStage> {
    const server = await ServerProcess.start(options);
    return new SampleStage(server, await launchChromium());
  }

  async show(html: string, options: PageOptions = {}): Promise<TestPage> {
    const page = await openPage(this.browser, html, options);
    this.#playing.push(page);
    return page;
  }

  run(...[code, type]: ConstructorParameters<typeof NodeSample>): NodeSample {
    const program = new NodeSample(code, type);
    this.#playing.push(program);
    return program;
  }

  /** Before the server, for clients that are to see it go and come back. */
  async gate(): Promise<Gate> {
    const gate = await Gate.before(this.server.port);
    this.#playing.push(gate);
    return gate;
  }

  /** How many clients of a protocol the server has. */
  async openConnections(protocol: string): Promise<number> {
    const metrics = await fetch(`${this.server.url}/metrics`).then((answer) => answer.text());
    const [, open = "0"] =
      new RegExp(`^paybell_connections\\{protocol="${protocol}"\\} (\\d+)$`, "m").exec(metrics) ?? [];
    return Number(open);
  }

  /** After each test: pages and programs end, the server goes on, also where a test failed between crash and restart. */
  async clear(): Promise<void> {
    for (const each of this.#playing.splice(0)) await each.close();
    if (this.server.pid === undefined) await this.server.restart();
  }

  /** After the last test, behind `clear`. */
  async close(): Promise<void> {
    await this.browser.close();
    await this.server.dispose();
  }
}

/** Resolves when the page has printed a line with this text, so often. */
export function prints(page: TestPage, text: string, times = 1, timeoutMs?: number): Promise<void> {
  return page.until(({ printed }) => printed.filter((line) => line.includes(text)).length >= times, timeoutMs);
}
