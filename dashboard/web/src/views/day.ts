/** `<em-day>`: a day of the market, slot by slot: energy of neighbours and of the grid, and the prices. */
import { LitElement, css, html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type { MarketEvent } from "../api/event_stream.js";
import { type GameSummary, api } from "../api/market_api.js";
import { Problem } from "../api/problem.js";
import type { Drawing } from "../charts/chart.js";
import "../charts/slots_chart.js";
import { slotsDrawing } from "../charts/slots_drawing.js";
import { empty, failure, figure, summed, waiting } from "../design/pieces.js";
import { shared } from "../design/styles.js";
import { calendar } from "../market/calendar.js";
import { ArchivedSlots, MOST_HOUSEHOLDS, isArchived, wholeSince, withEach } from "../market/archive.js";
import { type DaySlot, daySlot, dayTotals, gamesOf } from "../market/day.js";
import { CURRENCY, count, kwhFigure, priceFigure } from "../market/numbers.js";
import { nameOf, phaseAt } from "../market/phases.js";
import { Refresher } from "../market/refresher.js";
import { StoreController, store } from "../market/store.js";
import { boundsOf, dayName, marketTime } from "../market/time.js";
import { href } from "../route.js";

const SHOWN_AFTER = 24; // slots that were read: a day is not blank until all are

const ONLY_IN_STATEMENTS = html`Slots of this day are archived: what they came to stands in the statements of the <a href=${href("households")}>households</a>,
  of which there are more than ${MOST_HOUSEHOLDS}, too many to add up here.`;

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
      .note { border-left: 4px solid var(--grid); padding-left: var(--space-3); }
      nav .button { min-width: 7.5rem; justify-content: center; }
    `,
  ];

  /** Which day, as 2026-06-23; null: the present one, or that with the newest slots. */
  @property({ attribute: false }) name: string | null = null;
  @state() private slots: readonly DaySlot[] | null = null;
  @state() private problem: Problem | null = null;
  #refresher = new Refresher(() => this.#load(), (problem) => { this.#failed(problem); });
  readonly #known = new Map<string, Known>();
  /** How often something was heard of a game that may change its figures: a correction changes no phase. */
  readonly #heard = new Map<string, number>();
  /** Whether slots are archived that too many households would have to be asked for. */
  @state() private isOnlyInStatements = false;
  readonly #archive = new ArchivedSlots();
  #archived: readonly DaySlot[] = [];
  #askedArchive = "";
  #drawing: Drawing | null = null;
  #drawn = "";
  #shown = "";
  #games: readonly GameSummary[] = [];

  readonly #onEvent = (event: Event): void => {
    const { game, name } = (event as CustomEvent<MarketEvent>).detail;
    if (game === null || name === "BuyBidEvent") return;
    this.#heard.set(game, this.#timesHeard(game) + 1);
    const known = this.#known.get(game);
    if (known !== undefined) this.#known.set(game, { of: "", slot: known.slot }); // it is shown until it is read again
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

  /** The day that is asked for, or the present one. */
  get #day(): string {
    return this.name !== null && /^\d{4}-\d\d-\d\d$/.test(this.name) ? this.name : calendar.present;
  }

  #timesHeard(game: string): number {
    return this.#heard.get(game) ?? 0;
  }

  override willUpdate(): void {
    if (!calendar.isKnown) return;
    const isNew = store.games !== this.#games;
    this.#games = store.games;
    const shown = `${this.#day} ${calendar.zone}`;
    if (shown !== this.#shown) {
      this.slots = null;
      [this.#archived, this.isOnlyInStatements, this.#askedArchive] = [[], false, ""];
      this.#refresher = new Refresher(() => this.#load(), (problem) => { this.#failed(problem); }); // another day is read at once
    }
    if (isNew || shown !== this.#shown) this.#refresher.touch();
    this.#shown = shown;
    this.#draw();
  }

  /** Makes the drawing anew when it would differ: time alone brings phases, too. */
  #draw(): void {
    if (this.slots === null) return;
    const drawn = JSON.stringify([this.#shown, this.slots, this.slots.map(said)]);
    if (drawn !== this.#drawn) this.#drawing = drawingOf(this.slots, this.#day, calendar.zone);
    this.#drawn = drawn;
  }

  async #load(): Promise<void> {
    const shown = this.#shown;
    const games = gamesOf(store.games, this.#day, calendar.zone);
    const [from, until] = boundsOf(this.#day, calendar.zone);
    const [now, whole] = [marketTime(), wholeSince(store.games)];
    const isGone = from < whole && from < now; // some of it is not among the games any more
    const asked = `${shown} ${whole}`;
    const isAsked = (isGone || until <= now) && asked !== this.#askedArchive;
    const stale = games.filter((game) => this.#known.get(game.game)?.of !== stateOf(game));
    for (let from = 0; from < stale.length; from += SHOWN_AFTER) {
      await this.#read(stale.slice(from, from + SHOWN_AFTER));
      if (shown !== this.#shown) return;
      if (!isAsked || !isGone) this.#show(games);
    }
    if (isAsked) await this.#readArchived(asked, games);
    if (shown !== this.#shown) return;
    this.#show(games);
    this.problem = null;
  }

  #failed(problem: Problem): void {
    this.problem = problem;
  }

  async #read(games: readonly GameSummary[]): Promise<void> {
    await withEach(games, async (game) => {
      const heard = this.#timesHeard(game.game);
      try {
        const slot = daySlot(await api.game(game.game));
        const isNew = heard === this.#timesHeard(game.game); // else it is shown, and read again
        this.#known.set(game.game, { of: isNew ? stateOf(game) : "", slot });
      } catch (error) {
        if (!isArchived(error)) throw error; // what is shown of it stays, it is final
      }
    });
  }

  /** Reads the slots that are archived, once for as far as games are. */
  async #readArchived(asked: string, games: readonly GameSummary[]): Promise<void> {
    const found = await this.#archive.read(boundsOf(this.#day, calendar.zone), new Set(games.map(({ game }) => game)));
    if (!asked.startsWith(this.#shown)) return;
    [this.#archived, this.isOnlyInStatements, this.#askedArchive] = [found ?? [], found === null, asked];
  }

  #show(games: readonly GameSummary[]): void {
    const known = games.flatMap(({ game }) => this.#known.get(game)?.slot ?? []);
    const shown = new Set(known.map(({ game }) => game));
    this.slots = [...this.#archived.filter(({ game }) => !shown.has(game)), ...known].sort((one, other) => one.starts - other.starts);
  }

  override render(): unknown {
    if (store.problem !== null && store.market === null) return failure(store.problem);
    if (this.problem !== null && this.slots === null) return html`<section class="panel">${failure(this.problem)}</section>`;
    if (store.market === null) return waiting;
    const [day, zone] = [this.#day, calendar.zone];
    return html`<section class="panel stack">
      <header class="row spread"><h1>${dayName(day)}</h1>
        <nav class="row" aria-label="Days">${this.#beside(-1, day, "Day before")}${this.#beside(1, day, "Day after")}
          ${this.name === null ? nothing : html`<a class="button" href=${href("day")}>Present day</a>`}</nav></header>
      ${this.#content(zone)}
    </section>`;
  }

  #content(zone: string): unknown {
    const { slots } = this;
    if (slots === null) return waiting;
    if (slots.length === 0) {
      const why = this.isOnlyInStatements ? ONLY_IN_STATEMENTS : "A slot whose time is known stands here as soon as its game is published.";
      return [this.#zones(zone), empty("No slots on this day", why)];
    }
    const totals = dayTotals(slots);
    const settled = slots.filter(({ isSettled }) => isSettled).length;
    return html`
      <div class="sums">
        ${summed("local", "From neighbours", figure("day-local", kwhFigure(totals.local), "kWh"))}
        ${summed("grid", "From the grid", figure("day-from-grid", kwhFigure(totals.fromGrid), "kWh"))}
        ${summed("grid", "To the grid", figure("day-to-grid", kwhFigure(totals.toGrid), "kWh"))}
        ${summed("price", "Mean local price", totals.localPrice === null ? figure("day-price", "–", "") : figure("day-price", priceFigure(totals.localPrice), `${CURRENCY}/kWh`))}
        ${summed("", "Settled", figure("day-settled", `${count(settled)} of ${count(slots.length)}`, "slots"))}
      </div>
      ${this.isOnlyInStatements ? html`<p class="note">${ONLY_IN_STATEMENTS}</p>` : nothing}
      <em-slots .drawing=${this.#drawing} .slots=${slots} .zone=${zone}>${this.#zones(zone)}</em-slots>
      <p class="muted small">Above the line stands what is taken, below it what is fed into the grid: import and export are never netted. A slot's bars before it is settled are what is contracted for it. A click on a slot leads to its game.</p>`;
  }

  #zones(zone: string): unknown {
    return html`<label>Time zone <select @change=${this.#onZone}>
      ${calendar.zones.map((each) => html`<option .selected=${each === zone}>${each}</option>`)}</select></label>`;
  }

  #beside(step: number, day: string, name: string): unknown {
    const there = step < 0 ? calendar.days.findLast((each) => each < day) : calendar.days.find((each) => each > day);
    return there === undefined
      ? html`<button disabled>${name}</button>`
      : html`<a class="button" href=${href("day", there)} title=${dayName(there)}>${name}</a>`;
  }

  readonly #onZone = (event: Event): void => {
    calendar.chosen = (event.target as HTMLSelectElement).value;
    this.requestUpdate();
  };
}

/** How far a slot is just now, in words. */
const said = ({ course, isFallback, isArchived: isOld }: DaySlot): string =>
  `${nameOf(phaseAt(course, marketTime()), course)}${isFallback ? ", fallback" : ""}${isOld ? ", archived" : ""}`;

function drawingOf(slots: readonly DaySlot[], day: string, zone: string): Drawing {
  return slotsDrawing({
    title: `Energy and prices of ${dayName(day)}, by slot`,
    span: boundsOf(day, zone),
    zone,
    slots: slots.map((slot) => ({ ...slot, state: said(slot) })),
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
