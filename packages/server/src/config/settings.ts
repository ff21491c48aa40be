/** The schema as a list: what the environment, the command line and the documentation need of each setting. */
import { configSchema, ENVIRONMENT, UNIT } from "./schema.ts";

export interface Setting {
  /** In the file: `["port"]`, `["tls", "certFile"]`. */
  path: readonly string[];
  environment: string | null;
  type: "string" | "integer" | "boolean" | "array";
  /** What is allowed where only a list of words is. */
  words: readonly string[] | null;
  default: unknown;
  unit: string | null;
  meaning: string;
}

type Node = Record<string, unknown>;

function listSettings(schema: Node, path: readonly string[]): Setting[] {
  return Object.entries((schema.properties ?? {}) as Record<string, Node>).flatMap(([name, node]): Setting[] => {
    const here = [...path, name];
    if (node.properties) return listSettings(node, here);
    if (node.type === "object") return [];
    return [
      {
        path: here,
        environment: (node[ENVIRONMENT] as string | undefined) ?? null,
        type: node.type as Setting["type"],
        words: (node.enum as string[] | undefined) ?? null,
        default: node.default,
        unit: (node[UNIT] as string | undefined) ?? null,
        meaning: String(node.description ?? ""),
      },
    ];
  });
}

/** Every value that has a fixed place; not the entries of `chains` and `hosts`. */
export const SETTINGS: readonly Setting[] = listSettings(configSchema as unknown as Node, []);
