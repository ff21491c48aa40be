/**
 * `npm run provision`: everything the tests need beyond npm packages is found, or installed (Debian, as root), or named.
 * Prints what it does. Exit code 1 when something is missing in the end.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { findProgram, PROGRAMS, type Program } from "./provision/programs.ts";

export interface Machine {
  isRootOnDebian(): boolean;
  /** Installs Debian packages; false when that failed. */
  install(packages: readonly string[]): boolean;
  find(program: Program): ReturnType<typeof findProgram>;
  say(line: string): void;
}

/** True when every program is there in the end. */
export function provision(programs: readonly Program[], machine: Machine): boolean {
  const missing = programs.filter((program) => {
    const found = machine.find(program);
    if (found.path !== null) machine.say(`${program.name}: ${found.path}`);
    return found.path === null;
  });
  if (missing.length === 0) return true;
  const packages = missing.flatMap((program) => program.debianPackages);
  if (machine.isRootOnDebian()) {
    machine.say(`Installing ${packages.join(", ")} with apt-get (once; this can take some minutes) …`);
    if (!machine.install(packages)) machine.say("apt-get failed; its reason stands above.");
  }
  return missing.map((program) => report(program, machine)).every((there) => there);
}

function report(program: Program, machine: Machine): boolean {
  const found = machine.find(program);
  if (found.path !== null) {
    machine.say(`${program.name}: ${found.path}`);
    return true;
  }
  machine.say(`${program.name} is missing: ${found.reason}. The tests need it for ${program.neededFor}.`);
  machine.say(`  ${program.howToInstall}`);
  machine.say(`  Debian or Ubuntu: sudo apt-get install ${program.debianPackages.join(" ")}`);
  return false;
}

export const thisMachine: Machine = {
  isRootOnDebian: () => process.getuid?.() === 0 && existsSync("/etc/debian_version") && existsSync("/usr/bin/apt-get"),
  install(packages) {
    const apt = (...args: string[]) =>
      spawnSync("apt-get", args, {
        stdio: ["ignore", "inherit", "inherit"],
        // RUNLEVEL 1: the packages' services are not started; the tests start their own.
        env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" },
      }).status === 0;
    return apt("update") && apt("install", "-y", "--no-install-recommends", ...packages);
  },
  find: findProgram,
  say: (line) => console.log(line),
};

if (import.meta.main) {
  process.exitCode = provision(Object.values(PROGRAMS), thisMachine) ? 0 : 1;
}
