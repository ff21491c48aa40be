/** compose.yaml against what it names: the Dockerfile, the settings, the load balancer's configuration, files and one another. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { PROGRAMS, requireProgram } from "../../../../tools/provision/programs.ts";
import { stopBoundMs } from "../../src/cli/stop-on-signals.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { parseDockerfile } from "../../testkit/docker/dockerfile.ts";
import { withoutPaybell } from "../../testkit/environment.ts";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const read = (name: string) => readFileSync(join(ROOT, name), "utf8");

interface Service {
  build?: string;
  image: string;
  environment?: Record<string, string>;
  volumes?: string[];
  ports?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  networks: string[];
  command?: string[];
  stop_grace_period?: string;
  tmpfs?: string[];
}

interface Compose {
  services: Record<string, Service>;
  networks: Record<string, { ipam?: { config: { subnet: string }[] } } | null>;
  volumes: Record<string, unknown>;
}

const text = read("compose.yaml");
const { services, networks, volumes } = parse(text, { merge: true }) as Compose;
const nodes = Object.entries(services).filter(([, { build }]) => build !== undefined);
const service = (name: string) => services[name] as Service;
const image = parseDockerfile(read("Dockerfile")).at(-1)?.instructions ?? [];
const imageEnvironment = image.find(({ kind }) => kind === "ENV") as { values: Record<string, string> };

/** `${NAME:-default}` as it is without NAME. */
const filled = (value: string) => value.replace(/\$\{\w+:-([^}]*)\}/g, "$1");

function environmentOf(node: Service): Record<string, string> {
  const given = Object.entries(node.environment ?? {}).map(([name, value]) => [name, filled(value)]);
  return { ...imageEnvironment.values, ...Object.fromEntries(given) };
}

function configOf(node: Service, more: Record<string, string> = {}) {
  const ours = Object.entries({ ...environmentOf(node), ...more }).filter(([name]) => name.startsWith("PAYBELL_"));
  return loadConfig({ configFile: null, environment: Object.fromEntries(ours), flags: {}, cwd: tmpdir() });
}

describe("the nodes of compose.yaml", () => {
  it("are two, alike, and not published", () => {
    expect(nodes.map(([name]) => name)).toEqual(["node-one", "node-two"]);
    expect(nodes[0]?.[1]).toEqual(nodes[1]?.[1]);
    for (const [, { ports, build }] of nodes) {
      expect(ports).toBeUndefined();
      expect(existsSync(join(ROOT, build as string, "Dockerfile"))).toBe(true);
    }
  });

  it.each(nodes)("%s has an environment that the server accepts, every name of it", (_name, node) => {
    const config = configOf(node);
    expect(config).toMatchObject({ mode: "sandbox", host: "0.0.0.0", port: 8_000, sandboxPublic: true });
    expect(() => configOf(node, { PAYBELL_DATABSE_URL: "postgres://x" })).toThrow("PAYBELL_DATABSE_URL");
  });

  it.each(nodes)("%s reaches the database and the bus under the names that they have here", (_name, node) => {
    const environment = environmentOf(node);
    const database = new URL(environment.PAYBELL_DATABASE_URL as string);
    const postgres = service("postgres").environment ?? {};
    expect(services).toHaveProperty(database.hostname);
    expect([database.username, database.password, database.pathname]).toEqual([
      postgres.POSTGRES_USER,
      filled(postgres.POSTGRES_PASSWORD as string),
      `/${postgres.POSTGRES_DB}`,
    ]);
    expect(services).toHaveProperty(new URL(environment.PAYBELL_REDIS_URL as string).hostname);
  });

  it.each(nodes)("%s believes the load balancer about addresses, and only what is on its network", (_name, node) => {
    const [network = ""] = node.networks;
    const subnet = networks[network]?.ipam?.config[0]?.subnet;
    expect(configOf(node).trustProxy).toEqual([subnet]);
    expect(service("balancer").networks).toContain(network);
  });

  it.each(nodes)("%s is given the time that a drain takes", (_name, node) => {
    const config = configOf(node, LIVE);
    expect(config.drain.spreadMs).toBeGreaterThan(1_000);
    const seconds = Number(/^(\d+)s$/.exec(node.stop_grace_period ?? "")?.[1]);
    expect(seconds * 1_000).toBeGreaterThan(stopBoundMs(config));
  });

  it("have fewer connections together than PostgreSQL takes", () => {
    const most = Number(
      service("postgres")
        .command?.find((word) => word.startsWith("max_connections="))
        ?.split("=")[1],
    );
    const each = nodes.map(([, node]) => configOf(node).limits.databaseConnections + OTHER_DATABASE_CONNECTIONS);
    expect(each.reduce((sum, count) => sum + count)).toBeLessThan(most - RESERVED_DATABASE_CONNECTIONS);
  });
});

/** What the comment at its head says must be changed for real money. */
const LIVE = { PAYBELL_MODE: "live", PAYBELL_SANDBOX_PUBLIC: "0" };
/** See the meaning of `limits.databaseConnections`. */
const OTHER_DATABASE_CONNECTIONS = 4;
/** PostgreSQL keeps three for its superuser; and somebody may want to look. */
const RESERVED_DATABASE_CONNECTIONS = 10;

describe("the load balancer of compose.yaml", () => {
  const { environment = {}, ports = [], volumes: mounts = [] } = service("balancer");
  const [file = ""] = mounts.map((mount) => mount.split(":")[0] as string);
  const configuration = read(file);

  it("is given every name that its configuration wants, and no other", () => {
    const wanted = [...configuration.matchAll(/"\$\{(\w+)\}"/g)].map((match) => match[1]);
    expect([...new Set(wanted)].sort()).toEqual(Object.keys(environment).sort());
  });

  it("sends to each node, at the image's port", () => {
    const port = image.find(({ kind }) => kind === "EXPOSE") as { port: number };
    const targets = Object.entries(environment).filter(([name]) => name !== "LISTEN");
    expect(targets.map(([, target]) => target)).toEqual(nodes.map(([name]) => `${name}:${port.port}`));
  });

  it("is the only part that is published, on the loopback address as long as everybody knows the keys", () => {
    const published = Object.entries(services).filter(([, { ports }]) => ports !== undefined);
    expect(published.map(([name]) => name)).toEqual(["balancer"]);
    expect(ports).toEqual([`127.0.0.1:8000${environment.LISTEN}`]);
  });

  it("is accepted by HAProxy itself", () => {
    const here = Object.entries(environment).map(([name, value]) => [name, value.replace(/^[^:]*/, "127.0.0.1")]);
    const checked = spawnSync(requireProgram(PROGRAMS.haproxy), ["-c", "-f", join(ROOT, file)], {
      env: { ...withoutPaybell(), ...Object.fromEntries(here) },
      encoding: "utf8",
    });
    expect(checked.stderr).not.toMatch(/WARNING|ALERT/);
    expect(checked.status).toBe(0);
  });
});

describe("everything in compose.yaml", () => {
  const dependencies = Object.entries(services).flatMap(([name, { depends_on = {} }]) =>
    Object.entries(depends_on).map(([on, { condition }]) => ({ name, on, condition })),
  );

  it.each(dependencies)("$name waits for $on to be healthy, which says so", ({ on, condition }) => {
    expect(condition).toBe("service_healthy");
    const healthcheck = service(on).healthcheck ?? image.find(({ kind }) => kind === "HEALTHCHECK");
    expect(healthcheck).toBeDefined();
  });

  it("is declared: volumes, networks, files", () => {
    for (const { volumes: mounts = [], networks: joined } of Object.values(services)) {
      for (const network of joined) expect(networks).toHaveProperty(network);
      for (const mount of mounts) {
        const [source = ""] = mount.split(":");
        if (source.startsWith(".")) expect([source, existsSync(join(ROOT, source))]).toEqual([source, true]);
        else expect(volumes).toHaveProperty(source);
      }
    }
  });

  it("writes only where it may", () => {
    const written = image.filter(({ kind }) => kind === "VOLUME").map((volume) => (volume as { value: string }).value);
    for (const [, { tmpfs = [] }] of nodes) expect(tmpfs).toEqual(expect.arrayContaining(written));
  });
});
