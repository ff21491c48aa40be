/** The load generators as functions. What each option means is said at the head of the C programs. */
import { Child } from "./child.ts";
import { compiled, type Program } from "./compile.ts";

/** Microseconds. */
export interface Latency {
  count: number;
  mean: number;
  min: number;
  p50: number;
  p90: number;
  p99: number;
  p999: number;
  max: number;
}

export interface WsLoadOptions {
  port: number;
  connections: number;
  path?: string;
  /** Lines `path<TAB>first message<TAB>…`; see `temporary.ts`. */
  targets?: string;
  header?: string;
  dialect?: "ws" | "socketio";
  connecting?: number;
  ready?: string;
  match?: string;
  stamp?: string;
  skip?: number;
  gather?: number;
  frames?: number;
  seconds?: number;
  "connect-seconds"?: number;
}

export interface WsLoadResult {
  connections: number;
  open: number;
  ready: number;
  refused: number;
  closed: number;
  firstCloseCode: number;
  firstCloseReason: string;
  frames: number;
  timedFrames: number;
  otherFrames: number;
  /** Frame heads included. */
  timedBytes: number;
  /** Microseconds since 1970, 0 where it did not happen. */
  startUs: number;
  allOpenUs: number;
  allReadyUs: number;
  firstUs: number;
  lastUs: number;
  framesPerSecond: number;
  /** Of one core, while frames came. Near 1: the generator was the limit, and the figure is its own. */
  cpuShare: number;
  latencyUs: Latency | null;
}

export interface HttpLoadOptions {
  port: number;
  path: string;
  items: string;
  header?: string;
  batch?: number;
  connections?: number;
  rate?: number;
  requests?: number;
  seconds?: number;
  first?: number;
}

export interface HttpLoadResult {
  requests: number;
  answered: number;
  good: number;
  failed: number;
  items: number;
  startUs: number;
  lastUs: number;
  requestsPerSecond: number;
  cpuShare: number;
  firstFailure: string;
  latencyUs: Latency | null;
}

/** A generator at work. */
export class Generator<Result> {
  readonly #child: Child;

  constructor(program: Program, options: object) {
    const args = Object.entries(options).flatMap(([name, value]) =>
      value === undefined ? [] : [`--${name}`, `${value}`],
    );
    this.#child = new Child(program, "generator", [compiled(program), ...args]);
  }

  /** wsload: all its clients are ready. Rejects when that failed. */
  async ready(): Promise<void> {
    await this.#child.line("err", (line) => line === "ready");
  }

  /** When it ends by itself. Throws when something failed on the way: a figure from half a run means nothing. */
  async result(): Promise<Result> {
    const [line, code] = await Promise.all([
      this.#child.line("out", (text) => text.startsWith("{")),
      this.#child.exited(),
    ]);
    if (code !== 0) throw new Error(`The load generator saw failures:\n${this.#child.output}`);
    return JSON.parse(line) as Result;
  }

  /** Ends it now; the result is what it has seen until here. */
  async finish(): Promise<Result> {
    await this.#child.stop();
    return this.result();
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }
}

export const wsload = (options: WsLoadOptions) => new Generator<WsLoadResult>("wsload", options);
export const httpload = (options: HttpLoadOptions) => new Generator<HttpLoadResult>("httpload", options);
