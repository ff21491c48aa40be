/** Import directions: the house of ARCHITECTURE.md, enforced. */
import { posix } from "node:path";
import { CONCRETE, PARTS, SERVER } from "./house.ts";
import { codeFacts, type Finding, isCode, type SourceFile } from "./source.ts";

interface Import {
  from: SourceFile;
  line: number;
  /** A path from the root, or a package's name. */
  target: string;
}

/** The composition root: it names what it wants, and nothing but the command line imports it. */
const ROOT = ["main.ts", "mount-protocols.ts", "open-bus.ts", "open-chains.ts", "open-store.ts", "open-watching.ts"];

export function importDirections(files: readonly SourceFile[]): Finding[] {
  return importsOf(files).flatMap((found) => {
    if (found.from.path.startsWith("packages/protocol/src/")) return protocolImport(found);
    if (!found.from.path.startsWith(SERVER)) return [];
    return serverImport(found);
  });
}

/** Every import with its target resolved against the importing file. */
export function importsOf(files: readonly SourceFile[]): Import[] {
  return files.filter(isCode).flatMap((from) =>
    codeFacts(from).imports.map(({ specifier, line }) => ({
      from,
      line,
      target: specifier.startsWith(".") ? posix.join(posix.dirname(from.path), specifier) : specifier,
    })),
  );
}

function protocolImport(found: Import): Finding[] {
  if (found.target.startsWith("packages/protocol/src/")) return [];
  return [refuse(found, "protocol is types and codes: no dependency, no I/O", "move what needs it into the server")];
}

function serverImport(found: Import): Finding[] {
  const importer = found.from.path.slice(SERVER.length);
  if (!found.target.startsWith(SERVER)) return outsideImport(found, importer);
  const target = found.target.slice(SERVER.length);
  if (ROOT.includes(importer)) {
    return partOf(target) === "cli" ? [refuse(found, "nothing imports the command line", "move it out of cli/")] : [];
  }
  // The command line composes programs, as main.ts does: it may name everything.
  if (partOf(importer) === "cli") return [];
  if (ROOT.includes(target) || partOf(target) === "cli") {
    return [refuse(found, "nothing imports main or cli", "pass what you need as an option from main.ts")];
  }
  const concrete = concreteImport(found, importer, target);
  if (concrete.length > 0) return concrete;
  return directionImport(found, importer, target);
}

function outsideImport(found: Import, importer: string): Finding[] {
  const { target } = found;
  if (target === "packages/server/package.json") return []; // its version; always published with it
  if (target.startsWith("packages/") || target.startsWith("tools/") || target.startsWith("..")) {
    return [refuse(found, "the server's sources must stand alone when published", "move it into src/, or out of it")];
  }
  if (partOf(importer) === "payments" && target !== "@paybell/protocol") {
    return [refuse(found, PARTS.payments?.because ?? "", "pass the value in as an argument")];
  }
  return [];
}

function concreteImport(found: Import, importer: string, target: string): Finding[] {
  if (!CONCRETE.some((pattern) => pattern.test(target))) return [];
  if (posix.dirname(target) === posix.dirname(importer)) return [];
  const home = target.split("/").slice(0, 2).join("/");
  if (importer.startsWith(`${home}/`)) return [];
  return [
    refuse(found, "only main.ts and cli/ name concrete classes", "depend on the contract and let main.ts pass it in"),
  ];
}

function directionImport(found: Import, importer: string, target: string): Finding[] {
  const from = partOf(importer);
  const to = partOf(target);
  if (from === to || to === "kit") return [];
  const part = PARTS[from];
  if (!part) return [refuse(found, `${from}/ is no part of the house yet`, "add it to tools/tidy/house.ts")];
  if (part.mayImport.includes(to) || part.mayImport.includes(target)) return [];
  return [refuse(found, part.because, `${from}/ may import: ${["protocol", "kit", ...part.mayImport].join(", ")}`)];
}

function partOf(path: string): string {
  return path.split("/")[0] ?? path;
}

function refuse(found: Import, why: string, fix: string): Finding {
  return {
    path: found.from.path,
    line: found.line,
    rule: "import-direction",
    what: `imports ${found.target}`,
    why,
    fix,
  };
}
