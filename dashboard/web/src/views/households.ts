/** `<em-households>`: what a day came to for each household, and one household's statement. */
import { LitElement, css, html, nothing, type PropertyValues } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { type Period, type Prosumer, type Statement, api } from "../api/market_api.js";
import { Problem } from "../api/problem.js";
import type { Drawing } from "../charts/chart.js";
import "../charts/slots_chart.js";
import { type Slot, slotsDrawing } from "../charts/slots_drawing.js";
import { empty, failure, figure, pager, summed, waiting } from "../design/pieces.js";
import { shared } from "../design/styles.js";
import { calendar } from "../market/calendar.js";
import { exactMoney, kwh, kwhFigure } from "../market/numbers.js";
import { Refresher } from "../market/refresher.js";
import { StaleController, StoreController, store } from "../market/store.js";
import { boundsOf, boundsOfMonth, dayName, dayOf, hourOf, isClockSet, monthName } from "../market/time.js";
import { href } from "../route.js";
import { statementTable } from "./lines.js";

const HOUSEHOLDS = 25; // whose statements are read at once
const ROWS = 100;
const ALL = "all";
const MOST_DAYS = 62; // to choose from

const isDay = (period: string): boolean => period.length === 10;

/** From when until when: of a day, a month, or all there is. */
function periodOf(period: string, zone: string): Period {
  if (period === ALL) return { from: null, to: null };
  const [from, to] = isDay(period) ? boundsOf(period, zone) : boundsOfMonth(period, zone);
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}

const nameOfPeriod = (period: string): string => (period === ALL ? "all so far" : isDay(period) ? dayName(period) : monthName(period));

/** The choice of a period; days alone, or months and all, too. */
function choice(present: string, hasMonths: boolean, choose: (period: string) => void): unknown {
  const days = [...new Set([...calendar.days.slice(-MOST_DAYS), ...(isDay(present) ? [present] : [])])].sort().reverse();
  const months = hasMonths ? [...new Set(calendar.days.map((day) => day.slice(0, 7)))].reverse() : [];
  return html`<label>Statement of <select @change=${(event: Event): void => { choose((event.target as HTMLSelectElement).value); }}>
    ${[...(hasMonths ? [ALL] : []), ...months, ...days].map((each) => html`<option value=${each} .selected=${each === present}>${nameOfPeriod(each)}</option>`)}
  </select></label>`;
}

interface Household {
  readonly account: Prosumer;
  readonly statement: Statement;
}

@customElement("em-households")
export class Households extends LitElement {
  static override styles = [shared, css`label { max-width: 20rem; }`];

  @property({ attribute: false }) name: string | null = null;
  @property({ attribute: false }) period: string | null = null;
  @state() private chosen: string | null = null;
  @state() private sought = "";
  @state() private from = 0;
  @state() private total = 0;
  @state() private households: readonly Household[] | null = null;
  @state() private problem: Problem | null = null;
  #refresher = new Refresher(() => this.#load(), (problem) => { this.#failed(problem); });
  #asked = "";
  #standing = ""; // what was asked for that stands

  constructor() {
    super();
    new StoreController(this);
    new StaleController(this, () => {
      if (this.#asked !== "") this.#refresher.touch(); // what was never asked for cannot be stale
    });
  }

  get #day(): string {
    return this.chosen ?? calendar.present;
  }

  override willUpdate(): void {
    const asked = [this.#day, calendar.zone, this.sought, this.from].join(" ");
    if (asked === this.#asked || !calendar.isKnown) return;
    this.#asked = asked;
    this.#refresher = new Refresher(() => this.#load(), (problem) => { this.#failed(problem); }); // what somebody asks for is read at once
    this.#refresher.touch();
  }

  async #load(): Promise<void> {
    if (this.name !== null) return; // one of them is shown
    const asked = this.#asked;
    const accounts = (await api.prosumers()).filter(({ role, prosumer }) => role === "prosumer" && prosumer.toLowerCase().includes(this.sought.toLowerCase()));
    const period = periodOf(this.#day, calendar.zone);
    const shown = accounts.slice(this.from, this.from + HOUSEHOLDS);
    const households = await Promise.all(shown.map(async (account) => ({ account, statement: await api.statement(account.prosumer, period) })));
    if (asked !== this.#asked) return;
    [this.total, this.households, this.problem] = [accounts.length, households, null];
    this.#standing = asked;
  }

  #failed(problem: Problem): void {
    this.problem = problem;
    if (this.#standing !== this.#asked) this.households = null;
  }

  override render(): unknown {
    if (this.name !== null) return html`<em-household .name=${this.name} .period=${this.period}></em-household>`;
    if (store.problem !== null && store.market === null) return failure(store.problem);
    if (this.problem !== null && this.households === null) return html`<section class="panel">${failure(this.problem)}</section>`;
    if (this.households === null) return waiting;
    return html`<section class="panel stack">
      <header class="row spread"><h1>Households</h1>
        <div class="row">${choice(this.#day, false, (day) => (this.chosen = day))}<label>Find <input type="search" @input=${this.#seek} /></label></div></header>
      ${this.households.length === 0 ? empty("No households", "An operator enters them; here stands what each took, fed in, bought and sold.") : this.#table(this.households)}
      ${pager(this.from, HOUSEHOLDS, this.total, (from) => (this.from = from))}
      <p class="muted small">Energy is that of ${dayName(this.#day)}, by ${calendar.zone}; money is the account's as it is now. Import and export are never netted.</p>
    </section>`;
  }

  #table(households: readonly Household[]): unknown {
    const heads = ["Slots brought", "Bought here, kWh", "Sold here, kWh", "From the grid, kWh", "To the grid, kWh", "Took, kWh", "Fed in, kWh", "Free money", "Frozen", "Debt"];
    return html`<div class="scroll" tabindex="0" role="region" aria-label="Households"><table>
      <thead><tr><th scope="col">Household</th>${heads.map((head) => html`<th scope="col" class="number">${head}</th>`)}</tr></thead>
      <tbody>${households.map(({ account, statement: { sums } }) => {
        const energies = [sums.bought, sums.sold, sums.fromGrid, sums.toGrid, sums.inEnergy, sums.outEnergy];
        return html`<tr><th scope="row" class="stays"><a href=${href("households", account.prosumer, this.#day)}>${account.prosumer}</a></th>
          <td class="number">${exactMoney(sums.net)}</td>${energies.map((energy) => html`<td class="number">${kwhFigure(energy)}</td>`)}
          <td class="number">${exactMoney(account.accountBalance)}</td><td class="number">${exactMoney(account.frozenFunds)}</td>
          <td class="number">${debt(account)}</td></tr>`;
      })}</tbody></table></div>`;
  }

  readonly #seek = (event: Event): void => {
    this.sought = (event.target as HTMLInputElement).value;
    this.from = 0;
  };
}

const debt = (account: Prosumer): unknown => (account.debt > 0 ? html`<span class="tag bad">${exactMoney(account.debt)}</span>` : "–");

@customElement("em-household")
export class OneHousehold extends LitElement {
  static override styles = [
    shared,
    css`
      .bills { display: grid; gap: var(--space-5); grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); }
      .bills h2 { margin-bottom: var(--space-3); }
      .total { font-weight: 680; color: var(--ink); }
    `,
  ];

  @property({ attribute: false }) name = "";
  @property({ attribute: false }) period: string | null = null;
  @state() private account: Prosumer | null = null;
  @state() private statement: Statement | null = null;
  @state() private problem: Problem | null = null;
  @state() private notDownloaded: Problem | null = null;
  @state() private from = 0;
  @state() private isBusy = false;
  #refresher = new Refresher(() => this.#load(), (problem) => { this.#failed(problem); });
  #asked = "";
  #slots: readonly Metered[] = [];
  #drawing: Drawing | null = null;

  constructor() {
    super();
    new StoreController(this);
    new StaleController(this, () => {
      if (this.#asked !== "") this.#refresher.touch(); // what was never asked for cannot be stale
    });
  }

  get #period(): string {
    return this.period !== null && /^(all|\d{4}-\d\d(-\d\d)?)$/.test(this.period) ? this.period : calendar.present;
  }

  override willUpdate(changed: PropertyValues): void {
    const asked = [this.name, this.#period, ...(this.#period === ALL ? [] : [calendar.zone])].join(" "); // all there is has no days
    if (asked !== this.#asked && calendar.isKnown) {
      this.#asked = asked;
      this.statement = null;
      this.from = 0;
      this.#refresher = new Refresher(() => this.#load(), (problem) => { this.#failed(problem); });
      this.#refresher.touch();
    }
    if (changed.has("statement") && this.statement !== null && isDay(this.#period)) {
      this.#slots = this.statement.lines.map((line) => meteredSlot(line));
      this.#drawing = drawingOf(this.name, this.#slots, this.#period, calendar.zone);
    }
  }

  async #load(): Promise<void> {
    const asked = this.#asked;
    const [account, statement] = await Promise.all([api.prosumer(this.name), api.statement(this.name, periodOf(this.#period, calendar.zone))]);
    if (asked !== this.#asked) return;
    this.account = account;
    if (JSON.stringify(statement) !== JSON.stringify(this.statement)) this.statement = statement;
    this.problem = null;
  }

  #failed(problem: Problem): void {
    this.problem = problem;
  }

  override render(): unknown {
    const { account, statement } = this;
    if (store.problem !== null && store.market === null) return failure(store.problem);
    if (this.problem !== null && statement === null) return html`<section class="panel">${failure(this.problem)}</section>`;
    if (account === null || statement === null) return waiting;
    return html`<div class="stack">
      <section class="panel stack"><header class="row spread"><h1>${account.prosumer}</h1>
          <div class="row">${choice(this.#period, true, this.#choose)}<button @click=${this.#download} ?disabled=${this.isBusy}>Download as CSV</button></div></header>
        ${this.notDownloaded === null ? nothing : failure(this.notDownloaded)}
        ${energies(statement)}
        <div class="bills">${this.#account(account)}${bill(statement)}</div></section>
      ${isDay(this.#period) && statement.lines.length > 0
        ? html`<section class="panel"><h2>Slot by slot</h2><em-slots .drawing=${this.#drawing} .slots=${this.#slots} .zone=${calendar.zone}></em-slots></section>`
        : nothing}
      <section class="panel"><h2>Statement of ${nameOfPeriod(this.#period)}</h2>
        ${statement.lines.length + statement.entries.length === 0
          ? empty("Nothing yet", "A slot stands here as soon as it is settled.")
          : [statementTable(statement, this.from, ROWS, this.#when), pager(this.from, ROWS, statement.lines.length + statement.entries.length, (from) => (this.from = from))]}
      </section>
    </div>`;
  }

  #account(account: Prosumer): unknown {
    return html`<div><h2>Account and meter</h2><dl class="bill">
      <dt>Free money</dt><dd data-figure="balance">${exactMoney(account.accountBalance)}</dd>
      <dt>Frozen for what it may owe</dt><dd data-figure="frozen">${exactMoney(account.frozenFunds)}</dd>
      <dt>Debt to the grid operator</dt><dd>${debt(account)}</dd>
      <dt>Ever fed in</dt><dd>${kwh(account.totalProduction)}</dd>
      <dt>Ever taken</dt><dd>${kwh(account.totalConsumption)}</dd>
    </dl><p class="small"><a href=${href("prosumers", account.prosumer)}>Its key, meter and trades</a></p></div>`;
  }

  readonly #when = (at: string): string => {
    const hasOffset = isDay(this.#period) && isClockSet(boundsOf(this.#period, calendar.zone));
    const hour = hourOf(Date.parse(at), calendar.zone, hasOffset);
    return isDay(this.#period) ? hour : `${dayOf(Date.parse(at), calendar.zone)}, ${hour}`;
  };

  readonly #choose = (period: string): void => {
    location.hash = href("households", this.name, period);
  };

  readonly #download = async (): Promise<void> => {
    [this.isBusy, this.notDownloaded] = [true, null];
    try {
      const text = await api.statementCsv(this.name, periodOf(this.#period, calendar.zone));
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
      link.download = `statement-${this.name}-${this.#period}.csv`;
      link.click();
      URL.revokeObjectURL(link.href);
    } catch (error) {
      this.notDownloaded = Problem.from(error);
    }
    this.isBusy = false;
  };
}

function energies({ sums }: Statement): unknown {
  const figures = [
    ["local", "Bought from neighbours", "bought", sums.bought],
    ["grid", "From the grid", "from-grid", sums.fromGrid],
    ["local", "Sold to neighbours", "sold", sums.sold],
    ["grid", "To the grid", "to-grid", sums.toGrid],
  ] as const;
  return html`<div class="sums">${figures.map(([kind, name, id, value]) => summed(kind, name, figure(`household-${id}`, kwhFigure(value), "kWh")))}</div>`;
}

function bill({ sums }: Statement): unknown {
  const figures: readonly (readonly [string, number])[] = [
    ["Paid to neighbours", sums.boughtFor],
    ["Paid to the grid", sums.fromGridFor],
    ["Got from neighbours", sums.soldFor],
    ["Got from the grid", sums.toGridFor],
    ["Compensation", sums.compensation],
    ["Fees for the network", sums.fees],
    ["Penalties", sums.penalties],
    ["Other entries", sums.entries],
  ];
  return html`<div><h2>What it came to</h2><dl class="bill">
    ${figures.map(([name, value]) => html`<dt>${name}</dt><dd>${exactMoney(value)}</dd>`)}
    <dt class="total">The account moved by</dt><dd class="total" data-figure="movement">${exactMoney(sums.movement)}</dd></dl></div>`;
}

interface Metered extends Slot {
  readonly line: Statement["lines"][number];
}

/** A line as a slot of a chart: until when it lasts its game says, as long as that is known. */
function meteredSlot(line: Statement["lines"][number]): Metered {
  const game = store.games.find((each) => each.game === line.game);
  const starts = Date.parse(line.begins);
  const ends = Date.parse(game?.deliveryEndsAt ?? "");
  const state = line.isPresumed ? "presumed" : line.corrections.length > 0 ? "corrected" : "settled";
  return { starts, ends: Number.isNaN(ends) ? starts + QUARTER_MS : ends, state, link: href("games", line.game), line };
}

const QUARTER_MS = 15 * 60_000;

function drawingOf(name: string, slots: readonly Metered[], day: string, zone: string): Drawing {
  return slotsDrawing({
    title: `What ${name} took and fed in on ${dayName(day)}, by slot, and its prices`,
    span: boundsOf(day, zone),
    zone,
    slots,
    energies: [
      { name: "bought here", kind: "local", isFedIn: false, of: ({ line }) => line.bought },
      { name: "from the grid", kind: "grid", isFedIn: false, of: ({ line }) => line.fromGrid },
      { name: "sold here", kind: "local", isFedIn: true, of: ({ line }) => line.sold },
      { name: "to the grid", kind: "grid", isFedIn: true, of: ({ line }) => line.toGrid },
    ],
    prices: [
      { name: "bought at", kind: "local", of: ({ line }) => line.boughtAt },
      { name: "sold at", kind: "sold", of: ({ line }) => line.soldAt },
      { name: "grid takes", kind: "retail", of: ({ line }) => line.retailTariff },
      { name: "grid gives", kind: "feedIn", of: ({ line }) => line.feedInTariff },
    ],
  });
}
