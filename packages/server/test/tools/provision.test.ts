/** What `npm test` does about programs that are not there. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findProgram, type Program } from "../../../../tools/provision/programs.ts";
import { type Machine, provision } from "../../../../tools/provision.ts";

const PROGRAM: Program = {
  name: "Bell",
  neededFor: "ringing",
  environmentVariable: "PAYBELL_BELL",
  candidates: ["bell", "bell-stable"],
  probe: ["--version"],
  debianPackages: ["bell-bin"],
  howToInstall: "Install Bell.",
};

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "paybell-provision-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function executable(name: string, exitCode: number): string {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\nexit ${exitCode}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe("findProgram", () => {
  it("finds the first candidate on PATH that runs", () => {
    executable("bell", 1);
    const good = executable("bell-stable", 0);
    expect(findProgram(PROGRAM, { PATH: directory })).toEqual({ path: good });
  });

  it("says which candidate does not run", () => {
    const broken = executable("bell", 1);
    expect(findProgram(PROGRAM, { PATH: directory })).toEqual({ path: null, reason: `${broken} does not run` });
  });

  it("takes one that refuses root only where another user may run it", () => {
    const path = executable("bell", 0);
    chmodSync(path, 0o700);
    const found = findProgram({ ...PROGRAM, refusesRoot: true }, { PATH: directory });
    const isRoot = process.getuid?.() === 0;
    expect(found).toEqual(isRoot ? { path: null, reason: `${path} does not run` } : { path });
  });

  it("looks nowhere else when the environment names one", () => {
    executable("bell", 0);
    const found = findProgram(PROGRAM, { PATH: directory, PAYBELL_BELL: join(directory, "absent") });
    expect(found.path).toBeNull();
  });
});

describe("provision", () => {
  function machine(options: { root: boolean; installs: boolean }) {
    const installed: string[] = [];
    const said: string[] = [];
    const machine: Machine = {
      isRootOnDebian: () => options.root,
      install(packages) {
        if (options.installs) installed.push(...packages);
        return options.installs;
      },
      find: () => (installed.length > 0 ? { path: "/bin/bell" } : { path: null, reason: "it is not installed" }),
      say: (line) => said.push(line),
    };
    return { machine, installed, said };
  }

  it("installs what is missing as root on Debian", () => {
    const { machine: debian, installed } = machine({ root: true, installs: true });
    expect(provision([PROGRAM], debian)).toBe(true);
    expect(installed).toEqual(["bell-bin"]);
  });

  it("names what is missing, and how to get it, where it may not install", () => {
    const { machine: other, said } = machine({ root: false, installs: true });
    expect(provision([PROGRAM], other)).toBe(false);
    expect(said.join("\n")).toMatch(
      /Bell is missing: it is not installed.*ringing[\s\S]*Install Bell\.[\s\S]*bell-bin/,
    );
  });

  it("fails when the installation fails", () => {
    expect(provision([PROGRAM], machine({ root: true, installs: false }).machine)).toBe(false);
  });
});
