/** Lets one loop sleep until there is news. News that comes while it works is not lost. */
export class Wake {
  #awake = false;
  #resume: (() => void) | null = null;

  now(): void {
    this.#awake = true;
    this.#resume?.();
  }

  /** Resolves at the next news, or after `ms`. */
  async within(ms: number): Promise<void> {
    if (!this.#awake) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#resume = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#resume = null;
    }
    this.#awake = false;
  }
}
