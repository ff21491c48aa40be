/** What the schema finds, in the words of a person who wrote the file. */
import type { ErrorObject } from "ajv";
import { allowedBy, fieldProblems } from "../kit/strict-schema.ts";
import type { ConfigProblem } from "./config-error.ts";
import { nearest } from "./nearest.ts";

export function schemaProblems(errors: readonly ErrorObject[], whereOf: (path: string) => string): ConfigProblem[] {
  return errors
    .filter((error) => error.keyword !== "if" && error.keyword !== "propertyNames")
    .map((error) => {
      const [{ path, problem, allowed }] = fieldProblems([error], undefined) as [ReturnType<typeof fieldProblems>[0]];
      // A pattern of propertyNames speaks of the name, and its path of the object around it.
      if (error.propertyName !== undefined) {
        const name = path === "" ? error.propertyName : `${path}.${error.propertyName}`;
        return {
          where: whereOf(name),
          what: "the name is not allowed",
          whatToDo: `Allowed: ${allowedBy((error.parentSchema ?? {}) as Record<string, unknown>)}.`,
        };
      }
      if (error.keyword !== "additionalProperties") {
        return { where: whereOf(path), what: `${shown(error.data, path)}${problem}`, whatToDo: `Allowed: ${allowed}.` };
      }
      const known = allowed.split(", ");
      const meant = nearest(String(error.params.additionalProperty), known);
      const whatToDo = meant ? `Did you mean "${meant}"?` : `Known are: ${allowed}.`;
      return { where: whereOf(path), what: "there is no such setting", whatToDo };
    });
}

/** The value itself, where it is short and no secret. */
function shown(value: unknown, path: string): string {
  // A URL may carry a password.
  if (
    /password|url|secret|masterkey/i.test(path) ||
    (typeof value === "object" && value !== null) ||
    value === undefined
  )
    return "";
  const text = JSON.stringify(value);
  return text.length > 80 ? "" : `${text} `;
}
