/**
 * What `docker build` does, where there is no Docker: every instruction of the last stage, and of those that it copies from,
 * carried out in a directory that stands for the image's root. Node and npm are this machine's; a command's absolute paths
 * lead below that directory; what the image gives to its user goes to an unprivileged one, as far as we may.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { dirname, join, posix, relative, sep } from "node:path";
import { UNPRIVILEGED } from "../../../../tools/provision/programs.ts";
import { withoutPaybell } from "../environment.ts";
import type { Instruction, Stage } from "./dockerfile.ts";

export interface HandBuilt {
  /** Stands for `/`. */
  root: string;
  environment: Readonly<Record<string, string>>;
  workingDirectory: string;
  user: string | null;
  port: number | null;
  healthcheck: readonly string[];
  command: readonly string[];
}

export interface BuildContext {
  directory: string;
  /** Of a path relative to it, with `/`. */
  lets(path: string): boolean;
}

/** @param into a new, empty directory
 * @throws Error where an instruction fails, or copies what is not there */
export function buildByHand(stages: readonly Stage[], context: BuildContext, into: string): HandBuilt {
  const built = new Map<string, HandBuilt>();
  let last: HandBuilt | null = null;
  for (const [index, stage] of stages.entries()) {
    const root = join(into, `stage-${index}`);
    mkdirSync(join(root, "usr/local/bin"), { recursive: true });
    putNode(join(root, "usr/local/bin/node"));
    const image: Building = { ...EMPTY, root, context, stages: built };
    for (const instruction of stage.instructions) carryOut(instruction, image);
    last = { ...image, command: [...image.entrypoint, ...image.arguments] };
    if (stage.name !== null) built.set(stage.name, last);
  }
  if (!last) throw new Error("The Dockerfile has no stage.");
  return last;
}

interface Building {
  root: string;
  context: BuildContext;
  stages: ReadonlyMap<string, HandBuilt>;
  environment: Record<string, string>;
  workingDirectory: string;
  user: string | null;
  port: number | null;
  healthcheck: readonly string[];
  entrypoint: readonly string[];
  arguments: readonly string[];
}

const EMPTY = {
  ...{ environment: {}, workingDirectory: "/", user: null, port: null },
  ...{ healthcheck: [], entrypoint: [], arguments: [] },
};

function carryOut(instruction: Instruction, image: Building): void {
  switch (instruction.kind) {
    case "ENV":
      image.environment = { ...image.environment, ...instruction.values };
      return;
    case "WORKDIR":
      image.workingDirectory = posix.resolve(image.workingDirectory, instruction.value);
      mkdirSync(join(image.root, image.workingDirectory), { recursive: true });
      return;
    case "COPY":
      copy(instruction, image);
      return;
    case "RUN":
      run(instruction.value, image);
      return;
    case "USER":
      image.user = instruction.value;
      return;
    case "EXPOSE":
      image.port = instruction.port;
      return;
    case "HEALTHCHECK":
      image.healthcheck = instruction.command;
      return;
    case "ENTRYPOINT":
      image.entrypoint = instruction.command;
      return;
    case "CMD":
      image.arguments = instruction.command;
      return;
    case "VOLUME":
    case "STOPSIGNAL":
      return;
  }
}

function copy({ fromStage, sources, target }: Instruction & { kind: "COPY" }, image: Building): void {
  const stage = fromStage === null ? null : image.stages.get(fromStage);
  if (stage === undefined) throw new Error(`COPY --from=${fromStage}: there is no such stage.`);
  const base = stage?.root ?? image.context.directory;
  const to = join(image.root, posix.resolve(image.workingDirectory, target));
  for (const source of sources) {
    const from = join(base, source);
    const found = existsSync(from) ? (stage ? [from] : filesIn(from, image.context)) : [];
    if (found.length === 0) throw new Error(`COPY ${source}: nothing of that name is let through.`);
    // Of a directory, what is in it; of a file, the file, into a directory where the target ends with a slash.
    if (stage) move(from, to);
    else if (statSync(from).isDirectory()) for (const file of found) put(file, join(to, relative(from, file)));
    else put(from, /[/.]$/.test(target) ? join(to, posix.basename(source)) : to);
  }
}

/** 100 MB: a second name for the file where the system allows it. */
function putNode(path: string): void {
  try {
    linkSync(process.execPath, path);
  } catch {
    copyFileSync(process.execPath, path);
    chmodSync(path, 0o755);
  }
}

/** What a stage has made is copied once; thousands of files are sooner moved. */
function move(from: string, to: string): void {
  for (const name of readdirSync(from)) renameSync(join(from, name), join(to, name));
}

function put(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}

/** Files in or at a path that are let through. What nobody would copy is not even looked at. */
function filesIn(path: string, context: BuildContext): string[] {
  const { directory, lets } = context;
  if (!statSync(path).isDirectory()) return lets(relative(directory, path).split(sep).join("/")) ? [path] : [];
  return readdirSync(path)
    .filter((name) => name !== "node_modules" && name !== ".git")
    .flatMap((name) => filesIn(join(path, name), context));
}

/** npm's own words about this project, in which the tests run, must not reach the npm of the image. */
const KEPT_OF_NPM = /^npm_config_(registry|cache|userconfig|globalconfig)$/i;

function run(command: string, image: Building): void {
  const { uid, gid } = UNPRIVILEGED;
  const asRoot = process.getuid?.() === 0;
  const here = command
    .replace(/(?<=\s)\/(?=[a-z])/g, `${image.root}/`)
    .replace(/chown node:node/g, asRoot ? `chown ${uid}:${gid}` : "test -w");
  const inherited = Object.entries(withoutPaybell()).filter(([name]) => !/^npm_/i.test(name) || KEPT_OF_NPM.test(name));
  execFileSync("sh", ["-c", here], {
    cwd: join(image.root, image.workingDirectory),
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...Object.fromEntries(inherited),
      ...image.environment,
      PATH: `${join(image.root, "usr/local/bin")}:${process.env.PATH}`,
      // What `npm install` of this repository has fetched a moment ago is not fetched again.
      npm_config_prefer_offline: "true",
    },
  });
}
