/** Reads again what went stale: one read at a time, and never more of the page's time than a share. */
import { Problem } from "../api/problem.js";

const LEAST_PAUSE_MS = 250; // many events at once cost one read
const PAUSE_AFTER_FAILURE_MS = 1000;
const PAUSE_PER_READ = 3; // a read that takes long is followed by a pause three times as long

export class Refresher {
  #isStale = false;
  #isBusy = false;
  #pauseMs = 0;

  /** `failed` is told what `read` throws; what may pass is read once more, so that no failure stands for ever. */
  constructor(
    private readonly read: () => Promise<void>,
    private readonly failed: (problem: Problem) => void,
  ) {}

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
      const isRead = await this.#readOnce();
      this.#pauseMs = Math.max(isRead ? LEAST_PAUSE_MS : PAUSE_AFTER_FAILURE_MS, PAUSE_PER_READ * (performance.now() - began));
    }
    this.#isBusy = false;
  }

  async #readOnce(): Promise<boolean> {
    try {
      await this.read();
      return true;
    } catch (error) {
      const problem = Problem.from(error);
      if (problem.mayPass) this.#isStale = true;
      this.failed(problem);
      return false;
    }
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
