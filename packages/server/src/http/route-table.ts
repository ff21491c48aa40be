/** Which methods a path has: for 405 with `Allow`, and for CORS preflights, whose own method has no route. */
import type { RouteOptions } from "fastify";
import type { Access, Api } from "./api.ts";

export interface RoutedMethod {
  method: string;
  access: Access;
  cookies: boolean;
}

export class RouteTable {
  readonly #routes: (RoutedMethod & { parts: readonly string[] })[] = [];

  constructor(api: Api) {
    api.addHook("onRoute", (route) => this.#add(route));
  }

  /** Empty for a path that does not exist. */
  methodsOf(url: string): readonly RoutedMethod[] {
    const path = (url.split("?", 1)[0] as string).split("/");
    return this.#routes.filter(({ parts }) => matches(parts, path));
  }

  #add(route: RouteOptions): void {
    const parts = route.url.split("/");
    const { access = "secret", cookies = false } = route.config ?? {};
    for (const method of [route.method].flat()) this.#routes.push({ parts, method, access, cookies });
  }
}

function matches(parts: readonly string[], path: readonly string[]): boolean {
  if (parts.length !== path.length) return false;
  return parts.every((part, place) => (part.startsWith(":") ? path[place] !== "" : part === path[place]));
}

export function allowHeader(methods: readonly RoutedMethod[]): string {
  return [...new Set([...methods.map(({ method }) => method), "OPTIONS"])].sort().join(", ");
}
