/** The programs that Paybell is measured beside: each a child process on the server's core that prints its port. */
import { fileURLToPath } from "node:url";
import { Child } from "./child.ts";
import { compiled } from "./compile.ts";

export type ReferenceName = "ws-send" | "ws-shared-frame" | "socketio-room" | "express-socketio";

export interface BroadcastOptions {
  /** Begins when so many clients are there. */
  connections: number;
  /** Frames to each; 0: never begins. */
  rounds: number;
  /** Of payload in each frame. */
  bytes: number;
}

export interface Reference {
  port: number;
  pid: number;
  stop(): Promise<void>;
}

export function startReference(name: ReferenceName, options: Partial<BroadcastOptions> = {}): Promise<Reference> {
  const file = fileURLToPath(new URL(`./references/${name}.ts`, import.meta.url));
  return listening(new Child(name, "server", [process.execPath, file, ...optionsOf(options)]));
}

/** The `write` loop in C: what the machine can do at best. */
export function startWriteLoop(options: BroadcastOptions): Promise<Reference> {
  return listening(new Child("writeloop", "server", [compiled("writeloop"), ...optionsOf(options)]));
}

function optionsOf(options: object): string[] {
  return Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`]);
}

async function listening(child: Child): Promise<Reference> {
  const line = await child.line("out", (text) => text.startsWith("{"));
  const { port } = JSON.parse(line) as { port: number };
  return { port, pid: child.pid, stop: () => child.stop() };
}
