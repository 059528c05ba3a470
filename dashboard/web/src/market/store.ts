/** What the page knows of the market, kept true by the event stream; views read it and are told when it changes. */
import type { ReactiveController, ReactiveControllerHost } from "lit";
import {
  api,
  type Bid,
  type Game,
  type GameSummary,
  type Market,
  type QueueState,
  type Schedule,
  type ServiceName,
} from "../api/market_api.js";
import { type Connection, EventStream, type MarketEvent } from "../api/event_stream.js";
import { Problem } from "../api/problem.js";
import { byInterest } from "./phases.js";
import { Refresher, repeat } from "./refresher.js";
import { marketTime, setSimulatedTime } from "./time.js";

const POLL_MS = 3000; // of what has no events: queue, readiness, schedule
const KEPT_EVENTS = 200;
const BLOCKS_LOOKED_AT = 8; // for what happened last before the page was opened

export interface Health {
  readonly service: ServiceName | "ledger";
  /** Null while it is not known. */
  readonly isWell: boolean | null;
  readonly says: string;
}

export class MarketStore extends EventTarget {
  market: Market | null = null;
  games: readonly GameSummary[] = [];
  /** The game that people look for first, whole, and its standing bids. */
  game: Game | null = null;
  bids: readonly Bid[] = [];
  queue: QueueState | null = null;
  /** As the clock said it last: while it cannot be asked that stands, and `health` tells. Null: it never could be. */
  schedule: Schedule | null = null;
  /** Whether the clock was asked for it, whatever came of it. */
  isScheduleAsked = false;
  health: readonly Health[] = (["ledger", "queue", "clock", "optimizer"] as const).map((service) => ({
    service,
    isWell: null,
    says: "not asked yet",
  }));
  connection: Connection = "connecting";
  behindSince: number | null = null;
  /** The newest events, newest first. */
  events: readonly MarketEvent[] = [];
  problem: Problem | null = null;

  #stream: EventStream | null = null;
  readonly #refresher = new Refresher(() => this.#load(), (problem) => { this.#failed(problem); });
  #height: number | null = null;

  start(): void {
    this.#stream = new EventStream("now", this.#onEvent, this.#onConnection);
    void this.#stream.run();
    void this.#readNewestEvents();
    this.touch();
    repeat(() => this.#poll(), POLL_MS);
  }

  /** Reads anew what stands on the ledger, soon, and tells the views which read more that it is stale. */
  touch(): void {
    this.#refresher.touch();
    this.dispatchEvent(new Event("stale"));
  }

  /** Reads another game if people look for another one first at a moment: time alone begins and ends deliveries. */
  lookFor(now: number): void {
    const [focus] = byInterest(this.games, now);
    if (focus !== undefined && this.game !== null && focus.game !== this.game.game) this.#refresher.touch();
  }

  /** What the newest blocks hold stands below what comes; where they cannot be read, other reads say so. */
  async #readNewestEvents(): Promise<void> {
    const read = api.blocks(undefined, BLOCKS_LOOKED_AT).then(({ blocks }) => Promise.all(blocks.map(({ number }) => api.block(number))));
    const transactions = (await read.catch(() => [])).flatMap((block) => block.transactions);
    const found = transactions.flatMap(({ at, events }) => events.map((event) => ({ ...event, at, cursor: "" }) as unknown as MarketEvent));
    const since = Date.parse(this.events.at(-1)?.at ?? "9999-01-01"); // from here on the stream has them
    this.events = [...this.events, ...found.filter((event) => Date.parse(event.at) < since).toReversed()];
    this.#changed();
  }

  readonly #onEvent = (event: MarketEvent): void => {
    this.events = [event, ...this.events].slice(0, KEPT_EVENTS);
    this.dispatchEvent(new CustomEvent("market-event", { detail: event }));
    this.#changed();
    this.touch();
  };

  readonly #onConnection = (connection: Connection): void => {
    if (connection === "behind") this.behindSince ??= Date.now();
    else this.behindSince = null;
    this.connection = connection;
    if (connection === "live") this.touch();
    this.#changed();
  };

  async #load(): Promise<void> {
    const [market, games] = await Promise.all([api.market(), this.#readGames()]);
    setSimulatedTime(market.simulatedTime);
    const [focus] = byInterest(games, marketTime());
    const [game, bids] = focus === undefined ? [null, []] : await Promise.all([api.game(focus.game), api.bids(focus.game)]);
    // All at once: a market whose game is not read yet is not one without a game.
    [this.market, this.games, this.game, this.bids] = [market, games, game, bids];
    this.problem = null;
    this.#changed();
  }

  /** All views hang on the market: it is read until it can be. */
  #failed(problem: Problem): void {
    this.problem = problem;
    this.#refresher.touch();
    this.#changed();
  }

  /** The games, of which those that are over are not read again. */
  async #readGames(): Promise<readonly GameSummary[]> {
    const open = this.games.findIndex((game) => game.phase !== "closed" && game.phase !== "cancelled");
    const from = Math.max(0, (open === -1 ? this.games.length : open) - 1);
    const known = this.games.slice(0, from);
    const fresh = await api.games(from);
    // The last game that is over tells whether the list is still the same one: a reset removes them all.
    if (fresh[0]?.game !== this.games[from]?.game && from > 0) return api.games();
    return [...known, ...fresh];
  }

  async #poll(): Promise<void> {
    const [queue, ...ready] = await Promise.allSettled([
      api.queue(),
      api.ready("queue"),
      api.ready("clock"),
      api.ready("optimizer"),
      this.#readSchedule(),
    ]);
    this.queue = queue.status === "fulfilled" ? queue.value : null;
    const height = this.queue?.ledgerHeight ?? null;
    if (height !== this.#height) this.touch(); // registrations make blocks, but no events
    this.#height = height;
    this.health = [
      {
        service: "ledger",
        isWell: height !== null,
        says: height !== null ? `${height} blocks` : (this.queue?.trouble ?? "cannot be asked"),
      },
      ...(["queue", "clock", "optimizer"] as const).map((service, place) => healthOf(service, ready[place])),
    ];
    this.#changed();
  }

  /** For itself: a service that does not answer keeps no view from the days of the others. */
  async #readSchedule(): Promise<void> {
    this.schedule = await api.schedule().catch(() => this.schedule);
    this.isScheduleAsked = true;
    this.#changed();
  }

  #changed(): void {
    this.dispatchEvent(new Event("change"));
  }
}

function healthOf(service: ServiceName, result: PromiseSettledResult<unknown> | undefined): Health {
  if (result?.status === "fulfilled") return { service, isWell: true, says: "ready" };
  return { service, isWell: false, says: Problem.from(result?.reason).message };
}

export const store = new MarketStore();

/** Has its host look again, while that is shown, whenever what it read may be stale. */
export class StaleController implements ReactiveController {
  constructor(
    host: ReactiveControllerHost,
    private readonly look: () => void,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    store.addEventListener("stale", this.look);
  }

  hostDisconnected(): void {
    store.removeEventListener("stale", this.look);
  }
}

/** Renders its host anew when the store has changed, at most once a frame. */
export class StoreController implements ReactiveController {
  #frame = 0;

  constructor(private readonly host: ReactiveControllerHost) {
    host.addController(this);
  }

  hostConnected(): void {
    store.addEventListener("change", this.#onChange);
  }

  hostDisconnected(): void {
    store.removeEventListener("change", this.#onChange);
    cancelAnimationFrame(this.#frame);
  }

  readonly #onChange = (): void => {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => {
      this.host.requestUpdate();
    });
  };
}
