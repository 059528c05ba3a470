/** Reads again what went stale: one read at a time, and never more of the page's time than a share. */
const LEAST_PAUSE_MS = 250; // many events at once cost one read
const PAUSE_PER_READ = 3; // a read that takes long is followed by a pause three times as long

export class Refresher {
  #isStale = false;
  #isBusy = false;
  #pauseMs = 0;

  /** `read` has to cope with what it throws. */
  constructor(private readonly read: () => Promise<void>) {}

  touch(): void {
    this.#isStale = true;
    if (!this.#isBusy) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isBusy = true;
    while (this.#wasTouched()) {
      await new Promise((resolve) => setTimeout(resolve, this.#pauseMs));
      this.#isStale = false;
      const began = performance.now();
      await this.read();
      this.#pauseMs = Math.max(LEAST_PAUSE_MS, PAUSE_PER_READ * (performance.now() - began));
    }
    this.#isBusy = false;
  }

  #wasTouched(): boolean {
    return this.#isStale;
  }
}

/** Does something again and again, the next time a pause after it was done; returns what ends that. */
export function repeat(work: () => Promise<void>, pauseMs: number): () => void {
  let isEnded = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const again = async (): Promise<void> => {
    await work();
    if (!isEnded) timer = setTimeout(() => void again(), pauseMs);
  };
  void again();
  return () => {
    isEnded = true;
    clearTimeout(timer);
  };
}
