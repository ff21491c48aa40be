/**
 * The main thread's end of a worker: typed calls, each answered once, also when the worker dies.
 *
 * Requests leave once per turn of the event loop, and few at a time. Node hands out up to 1,000 messages of a port
 * before it turns to anything else; a worker that answers faster than the answers are used would keep the loop from
 * turning for seconds.
 */
import { Worker } from "node:worker_threads";
import { messageOf } from "../../kit/errors.ts";
import { fromWire, type Operations, type Reply, type Request, StorageError } from "./rpc.ts";

/** One that the worker works on and one that waits for it, so that it is never idle; more would only make a turn longer. */
const IN_FLIGHT = 2;

interface Call {
  request: Request;
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

/** The arguments hold something that cannot go to another thread; nothing was sent. */
export class Unsendable extends Error {
  override readonly name = "Unsendable";
}

export class WorkerClient<O extends Operations> {
  readonly #worker: Worker;
  /** Not sent yet. */
  readonly #outbox: Call[] = [];
  readonly #inFlight = new Map<number, Call>();
  #lastId = 0;
  #scheduled = false;
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

  /** @throws Unsendable; StorageError and its like from the worker */
  call<N extends keyof O & string>(name: N, ...args: Parameters<O[N]>): Promise<ReturnType<O[N]>> {
    if (this.#ended) return Promise.reject(this.#ended);
    this.#lastId += 1;
    const request = { id: this.#lastId, name, args };
    return new Promise((resolve, reject) => {
      this.#outbox.push({ request, resolve: resolve as (value: unknown) => void, reject });
      this.#schedule();
    });
  }

  /** Ends the thread; what still waits rejects. */
  async end(): Promise<void> {
    this.#end(new StorageError("The database was closed."));
    await this.#worker.terminate();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#send();
    });
  }

  #send(): void {
    while (this.#inFlight.size < IN_FLIGHT) {
      const call = this.#outbox.shift();
      if (!call) return;
      try {
        this.#worker.postMessage(call.request);
        this.#inFlight.set(call.request.id, call);
      } catch (error) {
        call.reject(new Unsendable(messageOf(error), { cause: error }));
      }
    }
  }

  #answer(reply: Reply): void {
    const call = this.#inFlight.get(reply.id);
    if (!call) return;
    this.#inFlight.delete(reply.id);
    if (this.#outbox.length > 0) this.#schedule();
    if (reply.ok) call.resolve(reply.value);
    else call.reject(fromWire(reply.error));
  }

  #die(error: Error, onFatal: (error: Error) => void): void {
    if (this.#ended) return;
    this.#end(error);
    onFatal(error);
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const call of [...this.#inFlight.values(), ...this.#outbox.splice(0)]) call.reject(error);
    this.#inFlight.clear();
  }
}
