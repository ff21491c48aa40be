/** Rules about lines and words: lengths, left-overs, hosts and paths, printing, purity. */
import { codeFacts, type Finding, isCode, lineOf, type SourceFile } from "./source.ts";

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;

/** Verbatim copies of other people's documents, and the patches that quote them, are not ours to tidy. */
const OTHERS_TEXT = /^packages\/server\/test\/samples\/[^/]+\/(document\.txt|patches\.json)$/;

// Put together from halves, so that these lines do not find themselves.
const LEFT_OVER_WORDS = [
  ["TO", "DO"],
  ["FIX", "ME"],
  ["XX", "X"],
  ["HA", "CK"],
  ["not imple", "mented"],
  ["it\\.sk", "ip"],
  ["test\\.sk", "ip"],
  ["describe\\.sk", "ip"],
  ["\\.on", "ly\\("],
].map((halves) => halves.join(""));
const LEFT_OVERS = new RegExp(`\\b(${LEFT_OVER_WORDS.join("|")})`, "g");

const HOSTS_AND_PATHS =
  /registry\.(npm|yarn)|deb\.deb|(?<![\w.:/$}*-])\/(work|home\/\w+|Users\/\w+|tmp\/[a-z]+)\/|\/root\//g;

export function fileLength(files: readonly SourceFile[]): Finding[] {
  return files.filter(isCode).flatMap((file) => {
    const lines = file.text.split("\n").length - (file.text.endsWith("\n") ? 1 : 0);
    if (lines <= FILE_LINES_MAX) return [];
    return [
      {
        path: file.path,
        line: FILE_LINES_MAX + 1,
        rule: "file-length",
        what: `${lines} lines, more than ${FILE_LINES_MAX}`,
        why: "a file is one room: it should be read in one go",
        fix: "split it by responsibility",
      },
    ];
  });
}

export function functionLength(files: readonly SourceFile[]): Finding[] {
  return files.filter(isCode).flatMap((file) =>
    codeFacts(file)
      .functions.filter(({ lines }) => lines > FUNCTION_LINES_MAX)
      .map(({ name, line, lines }) => ({
        path: file.path,
        line,
        rule: "function-length",
        what: `${name} has ${lines} lines, more than ${FUNCTION_LINES_MAX}`,
        why: "a function should fit on one screen",
        fix: "name its steps and move them out",
      })),
  );
}

export function leftOvers(files: readonly SourceFile[]): Finding[] {
  const looked = files.filter((file) => !file.path.endsWith(".md") && !isOthers(file));
  return matches(looked, LEFT_OVERS, {
    rule: "left-over",
    why: "unfinished work that nobody is told of stays unfinished",
    fix: "finish it, or write it down where it will be found",
  });
}

export function hostsAndPaths(files: readonly SourceFile[]): Finding[] {
  return matches(
    files.filter((file) => !isOthers(file)),
    HOSTS_AND_PATHS,
    {
      rule: "host-or-path",
      why: "it is true on one machine only",
      fix: "use a relative path, os.tmpdir() or the tool's default",
    },
  );
}

/** The server logs through its logger; only the command line and tools talk to a terminal. */
export function noPrinting(files: readonly SourceFile[]): Finding[] {
  const silent = (path: string) => /^packages\//.test(path) && !path.startsWith("packages/server/src/cli/");
  return calls(
    files.filter((file) => silent(file.path)),
    (callee) => callee.startsWith("console."),
  ).map((found) => ({
    ...found,
    rule: "no-printing",
    why: "operators read structured logs; a stray line on standard output helps nobody",
    fix: "use the logger that main.ts passes in",
  }));
}

/** Decisions take the time as an argument. */
export function purePayments(files: readonly SourceFile[]): Finding[] {
  const impure = new Set(["Date.now", "new Date", "Math.random", "performance.now", "crypto.randomUUID"]);
  const pure = files.filter((file) => file.path.startsWith("packages/server/src/payments/"));
  return calls(pure, (callee) => impure.has(callee)).map((found) => ({
    ...found,
    rule: "pure-payments",
    why: "the same inputs must always decide the same, today and in a replay",
    fix: "pass the value in as an argument",
  }));
}

function isOthers(file: SourceFile): boolean {
  return OTHERS_TEXT.test(file.path) || file.path === "package-lock.json";
}

function calls(files: readonly SourceFile[], wanted: (callee: string) => boolean) {
  return files.filter(isCode).flatMap((file) =>
    codeFacts(file)
      .calls.filter(({ callee }) => wanted(callee))
      .map(({ callee, line }) => ({ path: file.path, line, what: `calls ${callee}` })),
  );
}

function matches(
  files: readonly SourceFile[],
  pattern: RegExp,
  about: Pick<Finding, "rule" | "why" | "fix">,
): Finding[] {
  return files.flatMap((file) =>
    [...file.text.matchAll(pattern)].map((match) => ({
      ...about,
      path: file.path,
      line: lineOf(file.text, match.index),
      what: `contains "${match[0]}"`,
    })),
  );
}
