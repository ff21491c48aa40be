/**
 * What a `.dockerignore` lets through, by Docker's rules: paths relative to the context; a pattern stands for what is below
 * it too; `!` takes back; the last line that fits decides.
 */

interface Line {
  pattern: RegExp;
  lets: boolean;
}

/** @returns whether a file of the context gets into the build */
export function ignoreFile(text: string): (path: string) => boolean {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map(lineOf);
  return (path) => lines.findLast(({ pattern }) => pattern.test(path))?.lets ?? true;
}

function lineOf(line: string): Line {
  const lets = line.startsWith("!");
  const path = (lets ? line.slice(1) : line).replace(/^\/|\/$/g, "");
  const source = path
    .split("/")
    .map((part) =>
      part === "**"
        ? ".*"
        : part
            .replace(/[.+^${}()|\\]/g, "\\$&")
            .replace(/\*/g, "[^/]*")
            .replace(/\?/g, "[^/]"),
    )
    .join("/")
    .replaceAll("/.*/", "/(.*/)?")
    .replace(/^\.\*\//, "(.*/)?");
  return { lets, pattern: new RegExp(`^${source}(/.*)?$`) };
}
