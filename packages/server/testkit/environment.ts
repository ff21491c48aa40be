/** This process's environment without PAYBELL_*: a developer's own settings, or the test runner's, must not change what is
 * tested. */
export function withoutPaybell(environment: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith("PAYBELL_")));
}
