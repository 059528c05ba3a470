/** `<em-day>`: a day of the market, slot by slot: energy of neighbours and of the grid, and the prices. */
import { LitElement, css, html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type { MarketEvent } from "../api/event_stream.js";
import { type GameSummary, api } from "../api/market_api.js";
import { Problem } from "../api/problem.js";
import "../charts/chart.js";
import type { Drawing, Span } from "../charts/chart.js";
import { slotsDrawing } from "../charts/slots_drawing.js";
import { empty, failure, figure, waiting } from "../design/pieces.js";
import { shared } from "../design/styles.js";
import { type DaySlot, daySlot, dayTotals, daysOf, gamesOf, zonesOf } from "../market/day.js";
import { CURRENCY, count, kwhFigure, priceFigure } from "../market/numbers.js";
import { nameOf, phaseAt } from "../market/phases.js";
import { Refresher } from "../market/refresher.js";
import { StoreController, store } from "../market/store.js";
import { boundsOf, dayName, dayOf, hourOf, isClockSet, marketTime } from "../market/time.js";
import { href } from "../route.js";

const READ_AT_ONCE = 4;
const SHOWN_AFTER = 24; // slots that were read: a day is not blank until all are

/** A slot as it was read, and of which state of its game that is. */
interface Known {
  readonly of: string;
  readonly slot: DaySlot;
}

const stateOf = (game: GameSummary): string => `${game.publishedAt} ${game.phase}`;

@customElement("em-day")
export class Day extends LitElement {
  static override styles = [
    shared,
    css`
      em-chart { --chart-height: clamp(420px, 62vh, 620px); }
      .figures { display: grid; gap: var(--space-3) var(--space-5); grid-template-columns: repeat(auto-fit, minmax(min(100%, 9rem), 1fr)); margin: 0; }
      .figures div { display: grid; gap: 2px; }
      .figures strong { font-size: var(--title); font-weight: 680; font-variant-numeric: tabular-nums; white-space: nowrap; }
      .figures small { font-size: var(--small); font-weight: 500; }
      .local strong { color: var(--local); } .grid strong { color: var(--grid); } .price strong { color: var(--price); }
      .choice { align-items: end; }
      nav .button { min-width: 7.5rem; justify-content: center; }
    `,
  ];

  /** Which day, as 2026-06-23; null: the present one, or that with the newest slots. */
  @property({ attribute: false }) name: string | null = null;
  @state() private zone: string | null = null;
  @state() private span: Span | null = null;
  @state() private slots: readonly DaySlot[] | null = null;
  @state() private problem: Problem | null = null;
  #refresher = new Refresher(() => this.#load());
  readonly #known = new Map<string, Known>();
  /** How often something was heard of a game that may change its figures: a correction changes no phase. */
  readonly #heard = new Map<string, number>();
  #drawing: Drawing | null = null;
  #drawn = "";
  #shown = "";
  #games: readonly GameSummary[] = [];
  #days: readonly string[] = [];

  readonly #onEvent = (event: Event): void => {
    const { game, name } = (event as CustomEvent<MarketEvent>).detail;
    if (game === null || name === "BuyBidEvent") return;
    this.#heard.set(game, this.#timesHeard(game) + 1);
    this.#known.delete(game);
  };

  constructor() {
    super();
    new StoreController(this);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    store.addEventListener("market-event", this.#onEvent);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    store.removeEventListener("market-event", this.#onEvent);
  }

  get #zone(): string {
    return this.zone ?? zonesOf(store.schedule)[0] ?? "UTC";
  }

  /** The day that is asked for; else the present one if it has slots, else the nearest before it, else the first. */
  get #day(): string {
    const today = dayOf(marketTime(), this.#zone);
    if (this.name !== null && /^\d{4}-\d\d-\d\d$/.test(this.name)) return this.name;
    return this.#days.findLast((day) => day <= today) ?? this.#days[0] ?? today;
  }

  #timesHeard(game: string): number {
    return this.#heard.get(game) ?? 0;
  }

  override willUpdate(): void {
    const isNew = store.games !== this.#games || !this.#shown.endsWith(` ${this.#zone}`);
    if (isNew) {
      this.#games = store.games;
      this.#days = daysOf(store.games, this.#zone);
    }
    const shown = `${this.#day} ${this.#zone}`;
    if (shown !== this.#shown) {
      this.slots = this.span = null;
      this.#refresher = new Refresher(() => this.#load()); // another day is read at once
    }
    if (isNew || shown !== this.#shown) this.#refresher.touch();
    this.#shown = shown;
    this.#draw();
  }

  /** Makes the drawing anew when it would differ: time alone brings phases, too. */
  #draw(): void {
    if (this.slots === null) return;
    const drawn = JSON.stringify([this.#shown, this.slots, this.slots.map(said)]);
    if (drawn !== this.#drawn) this.#drawing = drawingOf(this.slots, this.#day, this.#zone);
    this.#drawn = drawn;
  }

  async #load(): Promise<void> {
    const shown = this.#shown;
    const games = gamesOf(store.games, this.#day, this.#zone);
    const stale = games.filter((game) => this.#known.get(game.game)?.of !== stateOf(game));
    try {
      for (let from = 0; from < stale.length; from += SHOWN_AFTER) {
        await this.#read(stale.slice(from, from + SHOWN_AFTER));
        if (shown !== this.#shown) return;
        this.#show(games);
      }
      if (stale.length === 0) this.#show(games);
      this.problem = null;
    } catch (error) {
      this.problem = Problem.from(error);
    }
  }

  async #read(games: readonly GameSummary[]): Promise<void> {
    const rest = [...games];
    const readSome = async (): Promise<void> => {
      for (let game = rest.shift(); game !== undefined; game = rest.shift()) {
        const heard = this.#timesHeard(game.game);
        const slot = daySlot(await api.game(game.game));
        const isNew = heard === this.#timesHeard(game.game); // else it is shown, and read again
        this.#known.set(game.game, { of: isNew ? stateOf(game) : "", slot });
      }
    };
    await Promise.all(Array.from({ length: READ_AT_ONCE }, readSome));
  }

  #show(games: readonly GameSummary[]): void {
    this.slots = games.flatMap(({ game }) => this.#known.get(game)?.slot ?? []);
  }

  override render(): unknown {
    if (store.problem !== null && store.market === null) return failure(store.problem);
    if (this.problem !== null && this.slots === null) return html`<section class="panel">${failure(this.problem)}</section>`;
    if (store.market === null) return waiting;
    const [day, zone] = [this.#day, this.#zone];
    const span = boundsOf(day, zone);
    return html`<section class="panel stack">
      <header class="row spread"><h1>${dayName(day)}</h1>
        <nav class="row" aria-label="Days">${this.#beside(-1, day, "Day before")}${this.#beside(1, day, "Day after")}
          ${this.name === null ? nothing : html`<a class="button" href=${href("day")}>Present day</a>`}</nav></header>
      ${this.#content(zone, span)}
    </section>`;
  }

  #content(zone: string, span: Span): unknown {
    const { slots } = this;
    if (slots === null) return waiting;
    if (slots.length === 0) return [this.#zones(zone), empty("No slots on this day", "A slot whose time is known stands here as soon as its game is published.")];
    const totals = dayTotals(slots);
    const settled = slots.filter(({ isSettled }) => isSettled).length;
    return html`
      <div class="figures">
        ${told("local", "From neighbours", figure("day-local", kwhFigure(totals.local), "kWh"))}
        ${told("grid", "From the grid", figure("day-from-grid", kwhFigure(totals.fromGrid), "kWh"))}
        ${told("grid", "To the grid", figure("day-to-grid", kwhFigure(totals.toGrid), "kWh"))}
        ${told("price", "Mean local price", totals.localPrice === null ? figure("day-price", "–", "") : figure("day-price", priceFigure(totals.localPrice), `${CURRENCY}/kWh`))}
        ${told("", "Settled", figure("day-settled", `${count(settled)} of ${count(slots.length)}`, "slots"))}
      </div>
      ${this.#zoom(slots, zone, span)}
      <em-chart .drawing=${this.#drawing} .span=${this.span}
        @time-span=${this.#onSpan} @time-click=${this.#onClick}></em-chart>
      <p class="muted small">Above the line stands what is taken, below it what is fed into the grid: import and export are never netted. A slot's bars before it is settled are what is contracted for it. A click on a slot leads to its game.</p>`;
  }

  /** A part of the day, chosen without a pointer; the slider below the chart does the same with one. */
  #zoom(slots: readonly DaySlot[], zone: string, span: Span): unknown {
    const [from, until] = this.span ?? span;
    const hasOffset = isClockSet(span);
    const first = nearest(slots, from, (slot) => slot.starts);
    const last = nearest(slots, until, (slot) => slot.ends);
    const hour = (at: number): string => hourOf(at, zone, hasOffset);
    return html`<div class="row choice">
      ${this.#zones(zone)}
      <label>Shown from <select @change=${this.#onFrom}>
        ${slots.map((slot) => html`<option value=${slot.starts} ?selected=${slot === first}>${hour(slot.starts)}</option>`)}</select></label>
      <label>until <select @change=${this.#onUntil}>
        ${slots.map((slot) => html`<option value=${slot.ends} ?selected=${slot === last}>${hour(slot.ends)}</option>`)}</select></label>
      <button @click=${this.#whole} ?disabled=${this.span === null}>Whole day</button>
    </div>`;
  }

  #zones(zone: string): unknown {
    return html`<label>Time zone <select @change=${this.#onZone}>
      ${zonesOf(store.schedule).map((each) => html`<option ?selected=${each === zone}>${each}</option>`)}</select></label>`;
  }

  #beside(step: number, day: string, name: string): unknown {
    const there = step < 0 ? this.#days.findLast((each) => each < day) : this.#days.find((each) => each > day);
    return there === undefined
      ? html`<button disabled>${name}</button>`
      : html`<a class="button" href=${href("day", there)} title=${dayName(there)}>${name}</a>`;
  }

  readonly #onSpan = (event: CustomEvent<Span | null>): void => {
    this.span = event.detail;
  };

  readonly #onClick = (event: CustomEvent<number>): void => {
    const slot = this.slots?.find(({ starts, ends }) => starts <= event.detail && event.detail < ends);
    if (slot !== undefined) location.hash = href("games", slot.game);
  };

  readonly #onFrom = (event: Event): void => {
    this.#choose(Number((event.target as HTMLSelectElement).value), null);
  };

  readonly #onUntil = (event: Event): void => {
    this.#choose(null, Number((event.target as HTMLSelectElement).value));
  };

  /** Shows the time from one moment until another; the one that is null stays, if something is left between them. */
  #choose(from: number | null, until: number | null): void {
    const whole = boundsOf(this.#day, this.#zone);
    const [before, after] = this.span ?? whole;
    const next: Span = from === null ? [before, until ?? after] : [from, until ?? after];
    const isEmpty = next[0] >= next[1];
    this.span = isEmpty ? (from === null ? [whole[0], next[1]] : [next[0], whole[1]]) : next;
  }

  readonly #onZone = (event: Event): void => {
    this.zone = (event.target as HTMLSelectElement).value;
  };

  readonly #whole = (): void => {
    this.span = null;
  };
}

/** The slot that begins or ends nearest to a moment. */
const nearest = (slots: readonly DaySlot[], to: number, of: (slot: DaySlot) => number): DaySlot | undefined =>
  slots.toSorted((one, other) => Math.abs(of(one) - to) - Math.abs(of(other) - to))[0];

const told = (kind: string, name: string, value: unknown): unknown => html`<div class=${kind}><span class="muted small">${name}</span>${value}</div>`;

/** How far a slot is just now, in words. */
const said = ({ course, isFallback }: DaySlot): string => `${nameOf(phaseAt(course, marketTime()), course)}${isFallback ? ", fallback" : ""}`;

function drawingOf(slots: readonly DaySlot[], day: string, zone: string): Drawing {
  return slotsDrawing({
    title: `Energy and prices of ${dayName(day)}, by slot`,
    span: boundsOf(day, zone),
    zone,
    slots: slots.map((slot) => ({ ...slot, state: said(slot), link: href("games", slot.game) })),
    energies: [
      { name: "neighbours", kind: "local", isFedIn: false, of: (slot) => slot.local },
      { name: "from the grid", kind: "grid", isFedIn: false, of: (slot) => slot.fromGrid },
      { name: "to the grid", kind: "grid", isFedIn: true, of: (slot) => slot.toGrid },
    ],
    prices: [
      { name: "a local kWh", kind: "local", of: (slot) => slot.localPrice },
      { name: "grid takes", kind: "retail", of: (slot) => slot.retail },
      { name: "grid gives", kind: "feedIn", of: (slot) => slot.feedIn },
    ],
  });
}
