/** `paybell start`: the server, its start screen, and the live tail of events. */
import { Command } from "commander";
import { systemClock } from "../kit/clock.ts";
import type { LogRecord } from "../log/event-log.ts";
import { addServerFlags, configFrom } from "./config-flags.ts";
import type { CliIo } from "./io.ts";
import { tailLine } from "./live-tail.ts";
import { createLogger } from "./logger.ts";
import { EXIT } from "./print-error.ts";
import { PROTOCOL_PATHS } from "./protocol-paths.ts";
import { startScreen } from "./start-screen.ts";
import { endOnSignals, stopBoundMs, stopOnSignals } from "./stop-on-signals.ts";
import { stopProgress } from "./stop-progress.ts";

const EXAMPLES = `
Examples:
  paybell start                                     the sandbox on http://127.0.0.1:8000
  paybell start --port 9000 --data-dir ./shop-data  elsewhere
  paybell start --mode live --config live.json      real chains, with the keys of "paybell keys"

Everything else (chains, limits, TLS, …) stands in the configuration file or the environment:
docs/reference/config.md. Flags win over the environment, which wins over the file.
`;

export function startCommand(io: CliIo, version: string): Command {
  const start = addServerFlags(new Command("start").description("Start the server; the sandbox unless told otherwise"))
    .option("--quiet", "No start screen and no live tail; logs still go to standard error.")
    .addHelpText("after", EXAMPLES);
  return start.action(async () => {
    const config = configFrom(start, io);
    const quiet = start.opts<{ quiet?: boolean }>().quiet === true;
    const say = quiet ? () => undefined : io.out;
    const logger = createLogger(config.logLevel);
    const line = tailLine({ colours: io.colours, redactIds: config.mode === "live" });
    // What happens before the screen is there stands below it all the same.
    let shown = false;
    const early: LogRecord[] = [];
    const onRecords = (records: readonly LogRecord[]) => {
      if (shown) say(records.map(line).join(""));
      else early.push(...records);
    };
    const started = endOnSignals(process, (code) => process.exit(code));
    // Loaded only here, with every protocol and its libraries: the other commands start sooner without them.
    const { startServer } = await import("../main.ts");
    const server = await startServer(config, {
      logger,
      version,
      ...(quiet ? {} : { onRecords }),
      onFatal: (error) => {
        logger.fatal({ err: error }, "the server cannot go on");
        process.exit(EXIT.failed);
      },
    });
    started();
    stopOnSignals({
      signals: process,
      stop: () => server.stop(),
      progress: () => stopProgress(server.progress()),
      boundMs: stopBoundMs(config),
      warn: (text) => logger.warn(text),
      exit: (code) => process.exit(code),
      say,
      onError: (error) => logger.error({ err: error }, "the server did not stop in order"),
      clock: systemClock,
    });
    say(
      startScreen({
        version,
        config,
        url: server.url,
        protocols: PROTOCOL_PATHS,
        chains: server.chains(),
        colours: io.colours,
      }),
    );
    shown = true;
    if (early.length > 0) say(early.map(line).join(""));
    logger.info({ url: server.url, mode: config.mode, version }, "listening");
  });
}
