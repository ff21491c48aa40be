/** A Dockerfile as a list of stages, each a list of instructions. Knows what the repository's own uses, and refuses the rest. */

export type Instruction =
  | { kind: "ENV"; values: Readonly<Record<string, string>> }
  | { kind: "WORKDIR" | "USER" | "VOLUME" | "STOPSIGNAL" | "RUN"; value: string }
  | { kind: "EXPOSE"; port: number }
  | { kind: "COPY"; fromStage: string | null; sources: readonly string[]; target: string }
  | { kind: "HEALTHCHECK"; options: Readonly<Record<string, string>>; command: readonly string[] }
  | { kind: "ENTRYPOINT" | "CMD"; command: readonly string[] };

export interface Stage {
  image: string;
  name: string | null;
  instructions: readonly Instruction[];
}

/** @throws Error naming the line that it does not know */
export function parseDockerfile(text: string): Stage[] {
  const stages: { image: string; name: string | null; instructions: Instruction[] }[] = [];
  for (const line of logicalLines(text)) {
    const [, keyword = "", rest = ""] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (keyword === "FROM") {
      const [image = "", , name = null] = rest.split(/\s+/);
      stages.push({ image, name, instructions: [] });
      continue;
    }
    const stage = stages.at(-1);
    const instruction = instructionOf(keyword, rest);
    if (!stage || !instruction) throw new Error(`Dockerfile: what is "${line}"?`);
    stage.instructions.push(instruction);
  }
  return stages;
}

function logicalLines(text: string): string[] {
  return text
    .split("\n")
    .filter((line) => !line.trimStart().startsWith("#"))
    .join("\n")
    .replace(/\\\n\s*/g, " ")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function instructionOf(keyword: string, rest: string): Instruction | null {
  switch (keyword) {
    case "WORKDIR":
    case "USER":
    case "VOLUME":
    case "STOPSIGNAL":
    case "RUN":
      return { kind: keyword, value: rest };
    case "EXPOSE":
      return { kind: "EXPOSE", port: Number(rest) };
    case "ENV":
      return { kind: "ENV", values: Object.fromEntries(rest.split(/\s+/).map((pair) => pair.split("=", 2))) };
    case "COPY":
      return copy(rest);
    case "HEALTHCHECK":
      return healthcheck(rest);
    case "ENTRYPOINT":
    case "CMD":
      // Only the form without a shell: with one in between, SIGTERM would end the shell.
      return { kind: keyword, command: JSON.parse(rest) as string[] };
    default:
      return null;
  }
}

function copy(rest: string): Instruction {
  const words = rest.split(/\s+/);
  const fromStage = words[0]?.startsWith("--from=") ? (words.shift() ?? "").slice("--from=".length) : null;
  const target = words.pop() ?? "";
  return { kind: "COPY", fromStage, sources: words, target };
}

function healthcheck(rest: string): Instruction {
  const [options = "", command = ""] = rest.split(/\s*CMD\s+/, 2);
  const pairs = options.split(/\s+/).filter((option) => option !== "");
  return {
    kind: "HEALTHCHECK",
    options: Object.fromEntries(pairs.map((option) => option.replace(/^--/, "").split("=", 2))),
    command: JSON.parse(command) as string[],
  };
}
