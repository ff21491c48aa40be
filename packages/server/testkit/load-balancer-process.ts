/** The real HAProxy with the repository's own configuration, on the loopback address, in front of two servers. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { PROGRAMS, requireProgram } from "../../../tools/provision/programs.ts";
import { freePort } from "./server-process.ts";
import { until } from "./until.ts";

const CONFIGURATION = fileURLToPath(new URL("../../../deploy/haproxy.cfg", import.meta.url));

/** Whoever ends the test run must not leave it behind. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export class LoadBalancerProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #output = "";

  private constructor(port: number, nodes: readonly [string, string]) {
    this.port = port;
    const child = spawn(requireProgram(PROGRAMS.haproxy), ["-db", "-f", CONFIGURATION], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, LISTEN: `127.0.0.1:${port}`, NODE_ONE: nodes[0], NODE_TWO: nodes[1] },
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (text: Buffer) => {
        this.#output = (this.#output + text).slice(-20_000);
      });
    }
    running.add(child);
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      const ended = () => {
        running.delete(child);
        resolve();
      };
      child.once("exit", ended);
      child.once("error", (error) => {
        this.#output += error.message;
        ended();
      });
    });
  }

  /** @param nodes `host:port` of each
   * Resolves when it answers for one of them. */
  static async start(nodes: readonly [string, string]): Promise<LoadBalancerProcess> {
    const balancer = new LoadBalancerProcess(await freePort(), nodes);
    await until(
      () => `an answer through HAProxy: ${balancer.output}`,
      async () => (await fetch(`${balancer.url}/healthz`).catch(() => null))?.status === 200,
    );
    return balancer;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get wsUrl(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** What it has said of its nodes. */
  get output(): string {
    return this.#output;
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited;
  }
}
