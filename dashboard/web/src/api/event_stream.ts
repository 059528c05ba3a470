/** The market's event stream, read so that nothing is missed and a silent connection is noticed. */

export interface MarketEvent {
  readonly name: string;
  readonly game: string | null;
  readonly cursor: string;
  readonly at: string;
  readonly [field: string]: unknown;
}

export type Connection = "connecting" | "live" | "behind";

const SILENCE_MS = 30_000; // twice what the queue lets pass without a sign of life
const PAUSES_MS = [250, 500, 1000, 2000, 4000];

/** Another ledger stands in this one's place: its cursors mean other events. */
class LedgerReplaced extends Error {}

/** The fields of one message of an event stream. */
function fields(message: string): { id: string; event: string; data: string } {
  const found = { id: "", event: "", data: "" };
  for (const line of message.split("\n")) {
    const [name, ...value] = line.split(":");
    if (name === "id" || name === "event" || name === "data") found[name] += value.join(":").trimStart();
  }
  return found;
}

/**
 * Reads `GET /events` for ever; after a break it goes on behind the last event seen (`Last-Event-ID`).
 *
 * `onConnection` hears "behind" from a break until the stream is open again.
 */
export class EventStream {
  #cursor: string;
  #stop = new AbortController();

  constructor(
    from: string,
    private readonly onEvent: (event: MarketEvent) => void,
    private readonly onConnection: (connection: Connection) => void,
    private readonly query = "",
  ) {
    this.#cursor = from;
  }

  get cursor(): string {
    return this.#cursor;
  }

  close(): void {
    this.#stop.abort();
  }

  async run(): Promise<void> {
    let failures = 0;
    while (!this.#isClosed()) {
      try {
        await this.#read(() => {
          failures = 0;
        });
      } catch (error) {
        // A break, whatever its cause: what was missed comes when the stream is taken up again.
        if (error instanceof LedgerReplaced) this.#cursor = "now";
      }
      if (this.#isClosed()) return;
      this.onConnection("behind");
      const pause = PAUSES_MS[Math.min(failures++, PAUSES_MS.length - 1)] ?? 4000;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  #isClosed(): boolean {
    return this.#stop.signal.aborted;
  }

  async #read(opened: () => void): Promise<void> {
    const broken = new AbortController();
    const signal = AbortSignal.any([broken.signal, this.#stop.signal]);
    const response = await fetch(`/api/queue/events?from=${encodeURIComponent(this.#cursor)}${this.query}`, {
      headers: { Accept: "text/event-stream" },
      signal,
    });
    if (!response.ok || response.body === null) throw new Error(`the stream answered ${response.status}`);
    opened();
    this.onConnection("live");
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const silence = setTimeout(() => {
        broken.abort();
      }, SILENCE_MS);
      const { done, value } = await reader.read();
      clearTimeout(silence);
      if (done) return;
      rest = this.#take(rest + value);
    }
  }

  /** Takes the whole messages off a text and returns what is left of it. */
  #take(text: string): string {
    const messages = text.replaceAll("\r\n", "\n").split("\n\n");
    const rest = messages.pop() ?? "";
    for (const message of messages) {
      const { id, event, data } = fields(message);
      if (event === "problem") throw new LedgerReplaced();
      if (id !== "") this.#cursor = id;
      if (data !== "") this.onEvent(JSON.parse(data) as MarketEvent);
    }
    return rest;
  }
}

/**
 * Returns a game's past and present events, oldest first, up to the last that stood on the ledger when it was asked.
 *
 * The stream has no end; it is left at the first silence after `last`, a check that the caller makes on each event.
 */
export async function eventsOf(game: string, isLast: (event: MarketEvent) => boolean): Promise<MarketEvent[]> {
  const found: MarketEvent[] = [];
  return new Promise((resolve) => {
    const finish = (): void => {
      stream.close();
      resolve(found);
    };
    let quiet = setTimeout(finish, 2000);
    const stream = new EventStream(
      "0",
      (event) => {
        found.push(event);
        clearTimeout(quiet);
        if (isLast(event)) finish();
        else quiet = setTimeout(finish, 400);
      },
      () => undefined,
      `&game=${encodeURIComponent(game)}`,
    );
    void stream.run();
  });
}
