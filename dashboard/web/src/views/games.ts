/** `<em-games>`: all games, and one of them turn by turn. */
import { LitElement, css, html, nothing, type PropertyValues } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { type MarketEvent, eventsOf } from "../api/event_stream.js";
import { type Balance, type Clearing, type Game, type Hops, type Line, type Topology, type Transfer, api } from "../api/market_api.js";
import { Problem } from "../api/problem.js";
import "../charts/chart.js";
import { bidsDrawing, convergenceDrawing, loadsDrawing } from "../charts/drawings.js";
import { empty, failure, fallbackTag, pager, phaseTag, waiting } from "../design/pieces.js";
import { shared } from "../design/styles.js";
import { clock, gameTitle, moment, slot } from "../market/moments.js";
import { count, exactMoney, kwh, percent, price } from "../market/numbers.js";
import { STOP_REASONS } from "../market/overview.js";
import { Refresher } from "../market/refresher.js";
import { type Replay, replay } from "../market/replay.js";
import { StoreController, store } from "../market/store.js";
import { type Matrix, gathered, isLarge, matrixOf } from "../market/supplies.js";
import { marketTime } from "../market/time.js";
import { isArchived } from "../market/archive.js";
import { href } from "../route.js";
import { linesTable, whose } from "./lines.js";

const CELLS_IN_A_TABLE = 400; // a larger matrix of bids is drawn
const CELLS_REPLAYED = 20_000; // a larger game would take the page's time and memory for seconds
const LEAST = 0.00005; // kWh: half of what the ledger counts in
const ROWS = 100;
const STEP_MS = 350;

@customElement("em-games")
export class Games extends LitElement {
  static override styles = [
    shared,
    css`
      .narrow { display: none; }
      @media (max-width: 46rem) {
        .wide { display: none; }
        .narrow { display: block; font-weight: 400; color: var(--muted); }
        th, td { padding-inline: 6px; }
      }
    `,
  ];

  @property({ attribute: false }) name: string | null = null;
  @state() private from = 0;

  constructor() {
    super();
    new StoreController(this);
  }

  override render(): unknown {
    if (this.name !== null) return html`<em-game .name=${this.name}></em-game>`;
    if (store.problem !== null && store.market === null) return failure(store.problem);
    if (store.market === null) return waiting;
    if (store.games.length === 0) {
      return html`<section class="panel">${empty("No game yet", "A game opens when the clock or an operator publishes one.")}</section>`;
    }
    return html`<section class="panel stack">
      <h1>Games</h1>
      <div class="scroll" tabindex="0" role="region" aria-label="Games">
        <table>
          <thead><tr><th scope="col">Game</th><th scope="col">Phase</th><th scope="col">Delivery slot</th><th scope="col" class="wide">Gate closure</th><th scope="col" class="number wide">Sellers</th>
            <th scope="col" class="number wide">Buyers</th><th scope="col" class="number wide">Rounds</th><th scope="col" class="wide">Published</th></tr></thead>
          <tbody>
            ${store.games.toReversed().slice(this.from, this.from + ROWS).map(
              (game) => html`<tr><th scope="row"><a href=${href("games", game.game)}>${gameTitle(game.game)}</a>
                  <small class="narrow">sellers: ${count(game.nrSellers)}, buyers: ${count(game.nrBuyers)}, rounds: ${count(game.round)}</small></th><td>${phaseTag(game, marketTime())}</td>
                <td>${slot(game.deliverySlot, game.deliveryStartsAt, game.deliveryEndsAt)}</td><td class="wide">${clock(game.registrationEndsAt)}</td><td class="number wide">${game.nrSellers}</td><td class="number wide">${game.nrBuyers}</td>
                <td class="number wide">${game.round}</td><td class="wide">${moment(game.publishedAt)}</td></tr>`,
            )}
          </tbody>
        </table>
      </div>
      ${pager(this.from, ROWS, store.games.length, (from) => (this.from = from))}
    </section>`;
  }
}

@customElement("em-game")
export class OneGame extends LitElement {
  static override styles = [
    shared,
    css`
      .player { display: grid; grid-template-columns: max-content max-content 1fr; gap: var(--space-3); align-items: center; }
      .bids td.bought { background: var(--local-soft); }
      .bids td.left { background: var(--grid-soft); }
      .bids tr.turn > th { color: var(--local); }
      .bids { width: max-content; min-width: 100%; }
      .balance { max-width: 24rem; margin-bottom: var(--space-3); }
      .settled { display: grid; gap: var(--space-5); grid-template-columns: minmax(0, 1fr); align-items: start; }
      @media (min-width: 64rem) { .settled { grid-template-columns: minmax(0, 20rem) minmax(0, 1fr); } }
    `,
  ];

  @property({ attribute: false }) name = "";
  @state() private game: Game | null = null;
  @state() private transfers: readonly Transfer[] = [];
  @state() private lines: readonly Line[] = [];
  @state() private balance: Balance | null = null;
  @state() private linesFrom = 0;
  @state() private transfersFrom = 0;
  @state() private entriesFrom = 0;
  @state() private replay: Replay | null = null;
  /** What stands of a game that is not replayed: one that is cleared at once, or a very large one. */
  @state() private standing: Matrix | null = null;
  @state() private problem: Problem | null = null;
  /** Which turn is shown; null: the newest. */
  @state() private shown: number | null = null;
  #playing: ReturnType<typeof setInterval> | undefined;
  #refresher = new Refresher(() => this.#load(), (problem) => { this.#failed(problem); });
  /** The game's events so far, once they were read; the store's stream brings the later ones. */
  #events: MarketEvent[] | null = null;
  #hops: Hops | null = null;
  #topology: Topology | null = null;
  #fresh: MarketEvent[] = [];

  readonly #onEvent = (event: Event): void => {
    const { detail } = event as CustomEvent<MarketEvent>;
    if (detail.game === this.name) this.#fresh.push(detail);
    if (detail.game === this.name || detail.game === null) this.#refresher.touch();
  };

  override connectedCallback(): void {
    super.connectedCallback();
    store.addEventListener("market-event", this.#onEvent);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    store.removeEventListener("market-event", this.#onEvent);
    clearInterval(this.#playing);
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("name")) {
      this.game = this.replay = this.standing = this.balance = this.problem = this.shown = this.#events = this.#hops = null;
      this.#fresh = [];
      this.lines = [];
      this.linesFrom = this.transfersFrom = this.entriesFrom = 0;
      this.#refresher = new Refresher(() => this.#load(), (problem) => { this.#failed(problem); });
      this.#refresher.touch();
    }
  }

  async #load(): Promise<void> {
    await this.#read(this.name);
    this.problem = null;
  }

  #failed(problem: Problem): void {
    this.problem = problem;
    if (isArchived(problem)) void this.#readArchived(this.name);
  }

  async #readArchived(name: string): Promise<void> {
    const lines = await api.lines(name).catch(() => []);
    if (name === this.name) [this.game, this.lines] = [null, lines];
  }

  async #read(name: string): Promise<void> {
    const [game, transfers] = await Promise.all([api.game(name), api.transfers(name)]);
    if (name !== this.name) return;
    [this.game, this.transfers] = [game, transfers];
    await this.#readSettled(game);
    if (name !== this.name) return;
    if (game.phase === "registration" || game.buyers.length === 0 || game.sellers.length === 0) return;
    const isCleared = game.clearing !== null && game.clearing.fallback !== "turns";
    const isReplayed = !isCleared && game.sellers.length * game.buyers.length <= CELLS_REPLAYED;
    if (isCleared && game.stop === null) return; // nobody has bought anything yet
    const bids = await api.bids(name);
    if (!isReplayed) {
      const topology = isLarge(game) ? (this.#topology ??= await api.topology()) : null;
      if (name === this.name) this.standing = isLarge(game) ? gathered(game, bids, topology) : matrixOf(game, bids);
      return;
    }
    const hops = (this.#hops ??= await api.hops(name));
    const events = this.#events ?? (await eventsOf(name, (event) => isLast(game, event)));
    if (name !== this.name) return;
    const known = new Set(events.map((event) => event.cursor));
    this.#events = [...events, ...this.#fresh.filter((event) => !known.has(event.cursor))];
    this.#fresh = [];
    this.replay = replay(game, hops, this.#events, bids);
  }

  /** What meters say, once there is something to say, and what it came to. */
  async #readSettled(game: Game): Promise<void> {
    if (game.stop === null) return;
    [this.balance, this.lines] = await Promise.all([api.balance(game.game), game.settlement === null ? [] : api.lines(game.game)]);
  }

  override render(): unknown {
    if (isArchived(this.problem) && this.lines.length > 0) return this.#archivedGame();
    if (this.problem !== null && this.game === null) return html`<section class="panel">${failure(this.problem)}</section>`;
    if (this.game === null) return waiting;
    const { game } = this;
    return html`<div class="stack">
      <section class="panel">
        <header class="row spread"><h1>${gameTitle(game.game)}</h1>
          <div class="row">${fallbackTag(game)}${phaseTag(game, marketTime())}</div></header>
        <dl>
          <dt>Id</dt><dd class="mono">${game.game}</dd>
          <dt>Metered by</dt><dd>${METERED[game.parameters.metering]}</dd>
          <dt>Mechanism</dt><dd>${MECHANISMS[game.mechanism] ?? game.mechanism}</dd>
          <dt>Delivery slot</dt><dd>${slot(game.deliverySlot, game.deliveryStartsAt, game.deliveryEndsAt)}</dd>
          <dt>Timetable</dt><dd>${timetable(game)}</dd>
          <dt>Tariffs</dt><dd>retail ${price(game.parameters.retailTariff)}, feed-in ${price(game.parameters.feedInTariff)},
            ${price(game.parameters.feePerHop)} for each hop</dd>
          ${game.stop === null
            ? nothing
            : html`<dt>Ended with</dt><dd>${STOP_REASONS[game.stop.reason] ?? game.stop.reason}${game.stop.rounds > 0 ? `, after ${game.stop.rounds} rounds` : ""}</dd>
                <dt>Total cost</dt><dd data-figure="total-cost">${exactMoney(game.stop.totalCost)}</dd>
                ${game.stop.handedBack > 0 ? html`<dt>Handed back</dt><dd>${kwh(game.stop.handedBack)} cost more than from the grid, which gives them instead</dd>` : nothing}
                <dt>Largest regret</dt><dd data-figure="regret">${exactMoney(game.stop.maxRegret)} (${percent(game.stop.maxRegretShare)} of that bill)${game.stop.maxRegretBuyer === null ? "" : `, ${game.stop.maxRegretBuyer}`}</dd>`}
        </dl>
      </section>
      ${game.clearing === null ? nothing : certified(game.clearing, game)}
      ${this.replay === null ? this.#registered(game) : this.#played(game, this.replay)}
      ${this.standing === null ? nothing : this.#standing(game, this.standing)}
      ${this.#participants(game)}
      ${this.#settlement(game)}
      ${this.#cameTo()}
      ${this.balance === null ? nothing : feeder(this.balance)}
    </div>`;
  }

  #registered(game: Game): unknown {
    if (game.sellers.length + game.buyers.length === 0) {
      return html`<section class="panel">${empty("Nobody yet", "Offers and demands appear here as they come in.")}</section>`;
    }
    return html`<section class="panel"><h2>Offers</h2>
      ${game.sellers.length * game.buyers.length > CELLS_REPLAYED
        ? html`<p class="muted">This game is too large to be replayed here bid by bid; these are its sellers' loads.</p>`
        : nothing}
      <em-chart .drawing=${loadsDrawing(game, game.sellers.map((entry) => entry.load))}></em-chart></section>`;
  }

  #played(game: Game, past: Replay): unknown {
    const last = past.turns.length - 1;
    const at = Math.min(this.shown ?? last, last);
    const turn = past.turns[at];
    if (turn === undefined) return this.#registered(game);
    const loads = past.sellers.map((_, j) => turn.bids.reduce((sum, row) => sum + (row[j] ?? 0), 0));
    return html`
      <section class="panel" aria-labelledby="turns">
        <h2 id="turns">Turn by turn</h2>
        <div class="player">
          <button @click=${this.#play} ?disabled=${last < 1}>${this.#playing === undefined ? "Play" : "Pause"}</button>
          <output>turn ${turn.number} of ${past.turns.length}</output>
          <input type="range" min="0" max=${last} .value=${String(at)} @input=${this.#seek} aria-label="Turn" />
        </div>
        <p class="muted">Round ${turn.round}, ${moment(turn.at)}: <strong>${turn.buyer}</strong>
          ${turn.changed > 0 ? `changed where ${kwh(turn.changed)} come from` : "passed: its bid stands"}.</p>
      </section>
      <div class="columns">
        <section class="panel"><h2>Sold by each seller</h2><em-chart .drawing=${loadsDrawing(game, loads)}></em-chart></section>
        <section class="panel"><h2>Convergence</h2><em-chart .drawing=${convergenceDrawing(past)}></em-chart></section>
      </div>
      <section class="panel"><h2>Bids</h2>${this.#matrix(past, turn.bids, turn.buyer)}</section>`;
  }

  #standing(game: Game, matrix: Matrix): unknown {
    return html`<section class="panel stack"><header class="row spread"><h2>Who buys from whom</h2><a href=${href("network", game.game)}>Drawn on the network</a></header>
      ${isLarge(game) ? html`<p class="muted small">Of so many, those who are near each other on the network are gathered: what the buyers of a row take from the sellers of a column.</p>` : nothing}
      ${this.#matrix(matrix, matrix.bids, "")}</section>`;
  }

  #matrix(past: Omit<Matrix, "bids">, bids: readonly (readonly number[])[], inTurn: string): unknown {
    if (past.sellers.length * past.buyers.length > CELLS_IN_A_TABLE) {
      return html`<em-chart .drawing=${bidsDrawing(past, bids)}></em-chart>`;
    }
    return html`<div class="scroll" tabindex="0" role="region" aria-label="Bids in kWh">
      <table class="bids">
        <thead><tr><th scope="col">kWh from</th>${past.sellers.map((seller) => html`<th scope="col" class="number">${seller}</th>`)}<th scope="col" class="number">the grid</th><th scope="col" class="number">in all</th></tr></thead>
        <tbody>
          ${past.buyers.map((buyer, i) => {
            const row = bids[i] ?? [];
            const demand = past.demands[i] ?? 0;
            const rest = demand - row.reduce((sum, amount) => sum + amount, 0);
            return html`<tr class=${buyer === inTurn ? "turn" : ""}><th scope="row" class="stays">${buyer}</th>
              ${row.map((amount) => html`<td class="number ${amount > 0 ? "bought" : ""}">${amount > 0 ? amount.toFixed(4) : "·"}</td>`)}
              <td class="number ${rest > LEAST ? "left" : ""}">${rest > LEAST ? rest.toFixed(4) : "·"}</td>
              <td class="number">${demand.toFixed(4)}</td></tr>`;
          })}
        </tbody>
      </table>
    </div>`;
  }

  #cameTo(): unknown {
    if (this.lines.length === 0) return nothing;
    return html`<section class="panel"><h2>What it came to</h2>
      ${linesTable("What it came to for each", "For", this.lines.slice(this.linesFrom, this.linesFrom + ROWS), whose)}
      ${pager(this.linesFrom, ROWS, this.lines.length, (from) => (this.linesFrom = from))}</section>`;
  }

  /** A game of which the ledger has no more than its lines. */
  #archivedGame(): unknown {
    return html`<div class="stack">
      <section class="panel stack"><header class="row spread"><h1>${gameTitle(this.name)}</h1><span class="tag">Archived</span></header>
        <p>Its slot has been final for some time: the ledger keeps what it came to for each participant, and a hash of all else. Who said what in it stands in the <a href=${href("ledger")}>blocks</a>.</p></section>
      ${this.#cameTo()}</div>`;
  }

  /** What is frozen of everybody's money for this game, so that what it may come to owe is covered. */
  #participants(game: Game): unknown {
    const all = [
      ...game.sellers.map(({ seller, capacity, frozen }) => ({ who: seller, does: "offers", energy: capacity, frozen })),
      ...game.buyers.map(({ buyer, demand, frozen }) => ({ who: buyer, does: "asks for", energy: demand, frozen })),
    ];
    if (all.every(({ frozen }) => frozen === 0)) return nothing;
    return html`<section class="panel"><h2>Frozen for what they may come to owe</h2>
      <div class="scroll long" tabindex="0" role="region" aria-label="Frozen for this game"><table class="frozen">
        <thead><tr><th scope="col">Who</th><th scope="col">Order</th><th scope="col" class="number">Energy</th><th scope="col" class="number">Frozen</th></tr></thead>
        <tbody>${all.slice(this.entriesFrom, this.entriesFrom + ROWS).map(
          ({ who, does, energy, frozen }) => html`<tr><th scope="row"><a href=${href("prosumers", who)}>${who}</a></th><td>${does}</td>
            <td class="number">${kwh(energy)}</td><td class="number">${exactMoney(frozen)}</td></tr>`,
        )}</tbody></table></div>
      ${pager(this.entriesFrom, ROWS, all.length, (from) => (this.entriesFrom = from))}
      <p class="muted small">A seller's bond and a buyer's escrow; what is not used is free again once the slot is settled.</p></section>`;
  }

  #settlement(game: Game): unknown {
    const settled = game.settlement;
    if (settled === null) return nothing;
    const figures: readonly (readonly [string, string])[] = [
      ["Delivered between neighbours", kwh(settled.energyDelivered)],
      ["Taken from the grid", kwh(settled.energyFromGrid)],
      ["Fed into the grid", kwh(settled.energyToGrid)],
      ["Paid to sellers", exactMoney(settled.paidToSellers)],
      ["Fees for the network", exactMoney(settled.transmissionFees)],
      ["Paid to the grid", exactMoney(settled.paidToGrid)],
      ["Paid by the grid", exactMoney(settled.paidByGrid)],
      ["Penalties", exactMoney(settled.penalties)],
      ...(settled.guaranteed > 0 ? [["Guaranteed by the grid operator", exactMoney(settled.guaranteed)] as const] : []),
      ...(settled.corrections > 0 ? [["Settled anew", `${count(settled.corrections)} times`] as const] : []),
    ];
    return html`<section class="panel"><h2>Settlement</h2>
      <div class="settled">
        <dl class="bill">${figures.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>
        <div class="scroll long" tabindex="0" role="region" aria-label="Transfers">
          <table><thead><tr><th scope="col">From</th><th scope="col">To</th><th scope="col" class="number">Energy</th><th scope="col" class="number">Cost</th>
            <th scope="col" class="number">Fee</th><th scope="col">Delivered</th></tr></thead>
          <tbody>${this.transfers.slice(this.transfersFrom, this.transfersFrom + ROWS).map(
            (each) => html`<tr><th scope="row">${each.seller}</th><td>${each.buyer}</td><td class="number">${kwh(each.energy)}</td>
              <td class="number">${exactMoney(each.energyCost)}</td><td class="number">${exactMoney(each.transmissionFee)}</td>
              <td>${each.isFulfilled ? html`<span class="tag good">all</span>` : kwh(each.delivered)}</td></tr>`,
          )}</tbody></table>
          ${pager(this.transfersFrom, ROWS, this.transfers.length, (from) => (this.transfersFrom = from))}
        </div>
      </div>
    </section>`;
  }

  readonly #seek = (event: Event): void => {
    this.shown = Number((event.target as HTMLInputElement).value);
  };

  readonly #play = (): void => {
    if (this.#playing !== undefined) {
      clearInterval(this.#playing);
      this.#playing = undefined;
      this.requestUpdate();
      return;
    }
    const last = (this.replay?.turns.length ?? 1) - 1;
    this.shown = this.shown === null || this.shown >= last ? 0 : this.shown;
    this.#playing = setInterval(() => {
      const at = (this.shown ?? 0) + 1;
      this.shown = Math.min(at, last);
      if (at >= last) this.#play();
    }, STEP_MS);
  };
}

const METERED = {
  meters: "meters with keys of their own",
  self: "the prosumers themselves, which nobody can check",
};

/** A feeder's balance, to be held against the transformer's meter: who tampers makes them differ. */
function feeder(balance: Balance): unknown {
  const figures: readonly (readonly [string, string])[] = [
    ["Metered as taken", kwh(balance.meteredIn)],
    ["Metered as fed in", kwh(balance.meteredOut)],
    ["Presumed of silent meters", kwh(balance.presumedIn)],
    ["Contracted between neighbours", kwh(balance.contracted)],
    ["The feeder drew", kwh(balance.netIn)],
    ["Meters that reported", count(balance.reported)],
  ];
  return html`<section class="panel"><h2>The feeder's balance</h2>
    <dl class="bill balance">${figures.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>
    <p class="muted small">What the feeder drew should be what the transformer's meter says; if it is not, a meter is wrong.
      ${balance.silent.length === 0 ? "" : `Silent: ${balance.silent.slice(0, ROWS).join(", ")}${balance.silent.length > ROWS ? " and others" : ""}.`}</p>
  </section>`;
}

const MECHANISMS: Record<string, string> = {
  "sequential-best-response": "buyers answer each other, turn by turn",
  certified: "certified: anybody solves, the ledger takes what is proved",
};

const FALLBACKS = {
  turns: "Nobody posted a clearing in time that proved itself: the game is played by turns instead.",
  grid: "Nobody posted a clearing in time that proved itself: everybody buys from the grid.",
};

/** What proves that a game is cleared well: the prices from which everybody's purchases follow, and the gap they leave. */
function certified({ certificate, fallback, endsAt, proofsEndAt, proposals, arena }: Clearing, game: Game): unknown {
  if (certificate === null) {
    return html`<section class="panel"><h2>Certified clearing</h2>
      <p>${fallback === null ? html`Anybody may solve this game; a clearing that proves itself is taken until ${clock(endsAt)}.` : FALLBACKS[fallback]}</p>
      ${proposals.map(({ poster, left }) => html`<p>That of <strong>${poster}</strong> is being proved part by part: steps left: ${count(left)}, until ${clock(proofsEndAt)} at the latest.</p>`)}
      <p class="muted">Hash of what is to be cleared: <span class="mono">${arena}</span></p></section>`;
  }
  const corrections = Object.values(certificate.corrections).reduce((sum, row) => sum + Object.keys(row).length, 0);
  return html`<section class="panel"><header class="row spread"><h2>Certified clearing</h2><span class="tag good">✓ proved on the ledger</span></header>
    <div class="settled">
      <dl class="bill"><dt>Gap: nobody could save more</dt><dd data-figure="gap">${tiny(certificate.gap)}</dd>
        <dt>As a share of all costs</dt><dd>${certificate.gapShare.toExponential(1)}</dd>
        <dt>The ledger's grid of 0.1 Wh may take</dt><dd>${tiny(certificate.allowance)}</dd>
        <dt>Corrections of what follows from the prices</dt><dd>${count(corrections)}</dd>
        <dt>Posted by</dt><dd>${certificate.poster}</dd></dl>
      <div class="scroll long" tabindex="0" role="region" aria-label="Prices that clear the market"><table>
        <thead><tr><th scope="col">Seller</th><th scope="col" class="number">Asks for</th><th scope="col" class="number">Clears at</th><th scope="col" class="number">Sold</th></tr></thead>
        <tbody>${game.sellers.slice(0, ROWS).map(
          (each) => html`<tr><th scope="row">${each.seller}</th><td class="number">${price(each.price)}</td>
            <td class="number">${price(certificate.prices[each.seller] ?? each.price)}</td><td class="number">${kwh(each.load)} of ${kwh(each.capacity)}</td></tr>`,
        )}</tbody></table>
        ${game.sellers.length > ROWS ? html`<p class="muted small">The first ${ROWS} of ${count(game.sellers.length)} sellers.</p>` : nothing}</div>
    </div>
    <p class="muted small">Its hash on the ledger: <span class="mono">${certificate.certificate}</span></p>
  </section>`;
}

/** Money that may be far below the ledger's last digit. */
const tiny = (value: number): string => (value !== 0 && Math.abs(value) < 1e-5 ? value.toExponential(2) : value.toFixed(6));

/** Whether all were in before the gate's time: when the gate closed instead the ledger does not say. */
const isClosedEarly = ({ registrationEndsAt, clearingEndsAt }: Game): boolean =>
  clearingEndsAt !== null && Date.parse(registrationEndsAt) > Date.parse(clearingEndsAt);

const TIMES: readonly (readonly [name: string, of: (game: Game) => string | null])[] = [
  ["gate closure", (game) => (isClosedEarly(game) ? null : game.registrationEndsAt)],
  ["bids until", (game) => game.clearingEndsAt],
  ["delivery until", (game) => game.deliveryEndsAt],
  ["readings until", (game) => game.meteringEndsAt],
  ["corrections until", (game) => game.finalAt],
];

/** All times of a game that are known. */
function timetable(game: Game): string {
  const known = TIMES.flatMap(([name, of]) => {
    const time = of(game);
    return time === null ? [] : [`${name} ${clock(time)}`];
  });
  return known.join(", ");
}

/** Whether an event is the last that a game as it was read can have had. */
function isLast(game: Game, event: MarketEvent): boolean {
  if (game.phase !== "playing") return event.name === "GameStopEvent";
  return event.name === "BuyBidEvent" && event.buyerInTurn === game.buyerInTurn && event.round === game.round;
}
