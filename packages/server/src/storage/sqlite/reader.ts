/** The reader thread: a long replay holds up neither a commit nor the event loop. */
import { Connection } from "./connection.ts";
import { type Reads, reads } from "./reading/reads.ts";
import { serve } from "./rpc.ts";

let connection: Connection | null = null;

const operations = {
  open(file: string): void {
    connection = Connection.openReader(file);
  },
  read(name: keyof Reads, args: readonly unknown[]): unknown {
    if (!connection) throw new Error("The database is not open.");
    const read = reads[name] as (connection: Connection, ...args: readonly unknown[]) => unknown;
    return read(connection, ...args);
  },
  close(): void {
    connection?.close();
    connection = null;
  },
};
export type ReaderOperations = typeof operations;

serve(operations);
