/** The main thread's end of a worker: typed calls, each answered once, also when the worker dies. */
import { Worker } from "node:worker_threads";
import { fromWire, type Operations, type Reply, StorageError } from "./rpc.ts";

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

export class WorkerClient<O extends Operations> {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #ended: Error | null = null;

  /** @param onFatal the worker died; every call that waits, and every later one, rejects. */
  constructor(name: string, entry: URL, onFatal: (error: Error) => void) {
    this.#worker = new Worker(entry, { name });
    this.#worker.on("message", (reply: Reply) => this.#answer(reply));
    this.#worker.on("error", (error: Error) => this.#die(error, onFatal));
    this.#worker.on("messageerror", (error: Error) => this.#die(error, onFatal));
    this.#worker.on("exit", (code) =>
      this.#die(new StorageError(`The thread ${name} ended with code ${code}.`), onFatal),
    );
  }

  /** @throws (synchronously) DataCloneError when an argument cannot be sent; nothing was sent then. */
  call<N extends keyof O & string>(name: N, ...args: Parameters<O[N]>): Promise<ReturnType<O[N]>> {
    if (this.#ended) return Promise.reject(this.#ended);
    this.#lastId += 1;
    const id = this.#lastId;
    this.#worker.postMessage({ id, name, args });
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
    });
  }

  /** Ends the thread; what still waits rejects. */
  async end(): Promise<void> {
    this.#end(new StorageError("The database was closed."));
    await this.#worker.terminate();
  }

  #answer(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    if (!waiting) return;
    this.#waiting.delete(reply.id);
    if (reply.ok) waiting.resolve(reply.value);
    else waiting.reject(fromWire(reply.error));
  }

  #die(error: Error, onFatal: (error: Error) => void): void {
    if (this.#ended) return;
    this.#end(error);
    onFatal(error);
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}
