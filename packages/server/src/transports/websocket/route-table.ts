/** Path → route. Paths have `:name` parts, which match one non-empty segment. */
import type { SocketRoute } from "./connection.ts";

interface Entry {
  route: SocketRoute;
  segments: readonly string[];
}

export interface RouteMatch {
  route: SocketRoute;
  params: Record<string, string>;
}

export class RouteTable {
  readonly #entries: Entry[] = [];

  /** @throws Error when the path is taken. */
  add(route: SocketRoute): void {
    if (this.#entries.some((entry) => entry.route.path === route.path)) {
      throw new Error(`Two protocols want the path ${route.path}.`);
    }
    this.#entries.push({ route, segments: route.path.split("/") });
  }

  /** `null` when the path is nobody's; an escape that cannot be decoded is nobody's either. */
  find(pathname: string): RouteMatch | null {
    const segments = pathname.split("/");
    for (const { route, segments: pattern } of this.#entries) {
      const params = match(pattern, segments);
      if (params) return { route, params };
    }
    return null;
  }
}

function match(pattern: readonly string[], segments: readonly string[]): Record<string, string> | null {
  if (pattern.length !== segments.length) return null;
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index] as string;
    if (!part.startsWith(":")) {
      if (part !== segment) return null;
      continue;
    }
    const value = decode(segment);
    if (value === null || value === "") return null;
    params[part.slice(1)] = value;
  }
  return params;
}

function decode(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    // `%E0%A4%A`: not UTF-8, so it names nothing.
    return null;
  }
}
