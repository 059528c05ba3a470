/** `<em-prosumers>`: accounts and metered energy of all, and one prosumer's trades. */
import { LitElement, css, html, nothing, type PropertyValues } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { type Meter, type Prosumer, type Transfer, api } from "../api/market_api.js";
import { Problem } from "../api/problem.js";
import { empty, failure, pager, waiting } from "../design/pieces.js";
import { shared } from "../design/styles.js";
import { gameTitle, moment } from "../market/moments.js";
import { exactMoney, kwh, kwhFigure } from "../market/numbers.js";
import { Refresher } from "../market/refresher.js";
import { StaleController } from "../market/store.js";
import { href } from "../route.js";

const ROWS = 100;
const GAMES_LOOKED_AT = 20;

@customElement("em-prosumers")
export class Prosumers extends LitElement {
  static override styles = [shared, css`label { max-width: 20rem; }`];

  @property({ attribute: false }) name: string | null = null;
  @state() private sought = "";
  @state() private from = 0;
  @state() private prosumers: readonly Prosumer[] | null = null;
  @state() private problem: Problem | null = null;
  readonly #refresher = new Refresher(() => this.#load(), (problem) => (this.problem = problem));

  constructor() {
    super();
    new StaleController(this, () => {
      this.#refresher.touch();
    });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#refresher.touch();
  }

  async #load(): Promise<void> {
    if (this.name !== null && this.prosumers !== null) return; // one of them is shown
    [this.prosumers, this.problem] = [await api.prosumers(), null];
  }

  override render(): unknown {
    if (this.name !== null) return html`<em-prosumer .name=${this.name}></em-prosumer>`;
    if (this.problem !== null && this.prosumers === null) return html`<section class="panel">${failure(this.problem)}</section>`;
    if (this.prosumers === null) return waiting;
    const found = this.prosumers.filter((each) => each.prosumer.toLowerCase().includes(this.sought.toLowerCase()));
    return html`<section class="panel stack">
      <header class="row spread"><h1>Prosumers</h1><label>Find <input type="search" @input=${this.#seek} /></label></header>
      ${found.length === 0
        ? empty("Nobody by that name", "Try a part of the id.")
        : html`<div class="scroll" tabindex="0" role="region" aria-label="Prosumers">
            <table>
              <thead><tr><th scope="col">Prosumer</th><th scope="col">Role</th><th scope="col" class="number">Free money</th><th scope="col" class="number">Frozen</th>
                <th scope="col" class="number">Debt</th><th scope="col" class="number">Produced, kWh</th><th scope="col" class="number">Consumed, kWh</th></tr></thead>
              <tbody>${found.slice(this.from, this.from + ROWS).map(row)}</tbody>
            </table>
          </div>`}
      ${pager(this.from, ROWS, found.length, (from) => (this.from = from))}
    </section>`;
  }

  readonly #seek = (event: Event): void => {
    this.sought = (event.target as HTMLInputElement).value;
    this.from = 0;
  };
}

function row(each: Prosumer): unknown {
  return html`<tr><th scope="row"><a href=${href("prosumers", each.prosumer)}>${each.prosumer}</a></th><td>${each.role}</td>
    <td class="number">${exactMoney(each.accountBalance)}</td><td class="number">${exactMoney(each.frozenFunds)}</td>
    <td class="number">${each.debt > 0 ? html`<span class="tag bad">${exactMoney(each.debt)}</span>` : "–"}</td>
    <td class="number">${kwhFigure(each.totalProduction)}</td><td class="number">${kwhFigure(each.totalConsumption)}</td></tr>`;
}

interface Trade extends Transfer {
  readonly game: string;
}

@customElement("em-prosumer")
export class OneProsumer extends LitElement {
  static override styles = [shared];

  @property({ attribute: false }) name = "";
  @state() private prosumer: Prosumer | null = null;
  @state() private trades: readonly Trade[] | null = null;
  @state() private meter: Meter | null = null;
  @state() private problem: Problem | null = null;

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("name")) void this.#load(this.name);
  }

  async #load(name: string): Promise<void> {
    this.prosumer = this.trades = this.problem = this.meter = null;
    try {
      const [prosumer, meters] = await Promise.all([api.prosumer(name), api.meters()]);
      if (name !== this.name) return; // somebody went on to another one
      [this.prosumer, this.meter] = [prosumer, meters.find((each) => each.prosumer === name) ?? null];
      const games = (await api.games()).slice(-GAMES_LOOKED_AT).toReversed();
      const trades = await Promise.all(
        games.map(async ({ game }) => (await api.transfers(game)).map((each) => ({ ...each, game }))),
      );
      if (name !== this.name) return;
      this.trades = trades.flat().filter((each) => each.seller === name || each.buyer === name);
    } catch (error) {
      if (name === this.name) this.problem = Problem.from(error);
    }
  }

  override render(): unknown {
    if (this.problem !== null) return html`<section class="panel">${failure(this.problem)}</section>`;
    if (this.prosumer === null) return waiting;
    const each = this.prosumer;
    return html`<div class="stack">
      <section class="panel"><h1>${each.prosumer}</h1>
        <dl>
          <dt>Role</dt><dd>${each.role}</dd>
          <dt>Free money</dt><dd data-figure="balance">${exactMoney(each.accountBalance)}</dd>
          <dt>Frozen for what it may owe</dt><dd>${exactMoney(each.frozenFunds)}</dd>
          <dt>Debt to the grid operator</dt><dd>${exactMoney(each.debt)}</dd>
          <dt>Produced</dt><dd>${kwh(each.totalProduction)}</dd>
          <dt>Consumed</dt><dd>${kwh(each.totalConsumption)}</dd>
          ${this.meter === null
            ? nothing
            : html`<dt>Meter</dt><dd>${this.meter.meter}, of a connection of ${this.meter.powerKw} kW, since ${moment(this.meter.since)}${this.meter.replaced.length === 0 ? "" : `, in the place of ${this.meter.replaced.join(", ")}`}</dd>`}
          <dt>Contribution metric</dt><dd>${each.contributionMetric ?? "–"}</dd>
          <dt>Public key</dt><dd class="mono">${each.publicKey}</dd>
          <dt>Registered</dt><dd>${moment(each.registeredAt)}</dd>
          ${each.role === "prosumer" ? html`<dt>Slots</dt><dd><a href=${href("households", each.prosumer)}>Its statement</a></dd>` : nothing}
        </dl></section>
      <section class="panel"><h2>Trades in the last ${GAMES_LOOKED_AT} games</h2>${this.#trades()}</section>
    </div>`;
  }

  #trades(): unknown {
    if (this.trades === null) return waiting;
    if (this.trades.length === 0) return empty("No trades", "What is contracted in a game appears here.");
    return html`<div class="scroll" tabindex="0" role="region" aria-label="Trades">
      <table><thead><tr><th scope="col">Game</th><th scope="col">With</th><th scope="col" class="number">Sold</th><th scope="col" class="number">Bought</th>
        <th scope="col" class="number">Received</th><th scope="col" class="number">Paid</th></tr></thead>
      <tbody>${this.trades.map((each) => {
        const sells = each.seller === this.name;
        return html`<tr><th scope="row"><a href=${href("games", each.game)}>${gameTitle(each.game)}</a></th><td>${sells ? each.buyer : each.seller}</td>
          <td class="number">${sells ? kwh(each.energy) : "–"}</td><td class="number">${sells ? "–" : kwh(each.energy)}</td>
          <td class="number">${sells ? exactMoney(each.energyCost) : "–"}</td>
          <td class="number">${sells ? "–" : exactMoney(each.energyCost + each.transmissionFee)}</td></tr>`;
      })}</tbody></table></div>`;
  }
}
