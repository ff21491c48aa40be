/** The one port: its certificate, the limit on its TCP connections, and what is said when it cannot be had. */
import { readFile } from "node:fs/promises";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "pino";
import { descriptorLimit } from "../kit/descriptors.ts";
import { messageOf } from "../kit/errors.ts";
import type { Limits } from "../kit/limits.ts";
import { StartupError } from "../kit/startup-error.ts";
import type { TrustedProxies } from "./client-address.ts";
import type { Connections } from "./connections.ts";
import { type Cut, Drain, type DrainOptions } from "./drain.ts";
import type { TlsFiles } from "./http-server.ts";
import { RESERVED_DESCRIPTORS, SocketGate } from "./socket-gate.ts";

export interface PortSettings {
  mode: "sandbox" | "live";
  host: string;
  /** 0: any free one. */
  port: number;
  /** Paths of PEM files. */
  tls: { certFile: string; keyFile: string } | null;
  limits: Limits;
  drain: Pick<DrainOptions, "noticeMs" | "spreadMs">;
}

export interface GateParts {
  config: PortSettings;
  proxies: TrustedProxies;
  connections: Connections;
  logger: Pick<Logger, "warn" | "info">;
}

/** Limits the TCP connections, and says so where the system allows fewer than the configuration. */
export function openSocketGate(server: Server, { config, proxies, connections, logger }: GateParts): SocketGate {
  const { limits, mode } = config;
  const descriptors = descriptorLimit();
  if (descriptors !== null && descriptors - RESERVED_DESCRIPTORS < limits.connections) {
    // A sandbox has a handful of clients: there it is for those who look for it.
    logger[mode === "live" ? "warn" : "info"](
      { descriptors, reserved: RESERVED_DESCRIPTORS, connections: limits.connections },
      "the system lets this process open fewer files than `limits.connections` allows connections: raise `ulimit -n` (systemd: LimitNOFILE), or lower the limit",
    );
  }
  const onRefused = () => connections.countRefusal("too_many_connections");
  const gate = new SocketGate({ limits, descriptors, proxies, plain: config.tls === null, onRefused });
  gate.guard(server);
  return gate;
}

/** How it is given up again. */
export function openDrain(
  server: Server,
  {
    config,
    connections,
    gate,
    logger,
    forget,
  }: Omit<GateParts, "proxies"> & { gate: SocketGate } & Pick<DrainOptions, "forget">,
): Drain {
  const { closeTimeoutMs } = config.limits;
  const onCut = (cut: Cut) => logger.warn(cut, "clients did not leave in time: their connections were cut");
  return new Drain({
    server,
    connections,
    gate,
    ...config.drain,
    closeTimeoutMs,
    onCut,
    ...(forget ? { forget } : {}),
  });
}

/** @throws StartupError */
export async function readTlsFiles({ tls }: Pick<PortSettings, "tls">): Promise<TlsFiles | null> {
  if (!tls) return null;
  const [cert, key] = await Promise.all([readPem(tls.certFile), readPem(tls.keyFile)]);
  return { cert, key };
}

function readPem(path: string): Promise<Buffer> {
  return readFile(path).catch((error: unknown) => {
    throw new StartupError(
      `The TLS file ${path} cannot be read: ${messageOf(error)}.`,
      "Check PAYBELL_TLS_CERT and PAYBELL_TLS_KEY.",
    );
  });
}

/** @throws StartupError where the port cannot be had */
export async function bind(listening: Promise<unknown>, config: PortSettings): Promise<void> {
  try {
    await listening;
  } catch (error) {
    const taken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
    throw new StartupError(
      taken ? `Port ${config.port} on ${config.host} is taken.` : `${config.host}:${config.port}: ${messageOf(error)}.`,
      "Choose another one: PAYBELL_PORT=8001 npm start, or paybell start --port 8001; 0 takes any free one.",
    );
  }
}

/** Where it answers. */
export function addressOf(server: Server, config: Pick<PortSettings, "host" | "tls">): { url: string; port: number } {
  const { port } = server.address() as AddressInfo;
  const host = config.host.includes(":") ? `[${config.host}]` : config.host;
  return { url: `${config.tls ? "https" : "http"}://${host}:${port}`, port };
}
