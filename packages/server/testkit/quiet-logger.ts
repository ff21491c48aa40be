/** A logger for tests that look at behaviour, not at log lines. */
export const quietLogger = { info: () => undefined, warn: () => undefined };
