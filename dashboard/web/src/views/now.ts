/** `<em-now>`: the market at a glance. */
import { LitElement, css, html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";
import type { Game } from "../api/market_api.js";
import { empty, failure, phases, waiting } from "../design/pieces.js";
import { shared } from "../design/styles.js";
import { duration, exactMoney, kwh, moment, money, percent, price } from "../market/numbers.js";
import { type Overview, STOP_REASONS, overview, phaseEnd } from "../market/overview.js";
import { StoreController, store } from "../market/store.js";
import { href } from "../route.js";

const SAID: Record<string, (event: Record<string, unknown>) => string> = {
  GameInitEvent: () => "opened for registration",
  BuyBidEvent: (event) => `round ${String(event.round)}: ${String(event.buyerInTurn)}'s turn`,
  GameStopEvent: (event) => `stopped after ${String(event.totalNrRounds)} rounds: ${String(event.reason)}`,
  TransferFulfilledEvent: (event) => `${String(event.seller)} delivered ${kwh(Number(event.energy))} to ${String(event.buyer)}`,
  AccountTopUpRequired: (event) => `${String(event.prosumer)} lacks ${exactMoney(Number(event.shortfall))}`,
  MarketClosedEvent: () => "settled",
  MarketResetEvent: () => "the market was reset",
};

@customElement("em-now")
export class Now extends LitElement {
  static override styles = [
    shared,
    css`
      .phases { display: flex; flex-wrap: wrap; gap: var(--space-1); list-style: none; margin: 0; padding: 0; }
      .phases li { padding: 3px 12px; border-radius: 99px; background: var(--sunken); color: var(--muted); font-size: var(--small); }
      .phases .past { color: var(--local); }
      .phases .present { background: var(--local); color: var(--surface); font-weight: 650; }
      .lead { display: flex; flex-wrap: wrap; gap: var(--space-4) var(--space-6); align-items: end; justify-content: space-between; }
      .lead h1 { font-size: var(--figure); }
      .figures { display: grid; gap: var(--space-4); grid-template-columns: repeat(auto-fit, minmax(min(100%, 13rem), 1fr)); }
      .figure strong { display: block; font-size: var(--figure); font-weight: 680; letter-spacing: -0.02em; line-height: 1.15; font-variant-numeric: tabular-nums; }
      .figure.local strong { color: var(--local); } .figure.grid strong { color: var(--grid); } .figure.price strong { color: var(--price); }
      .share { display: flex; height: 14px; border-radius: 99px; overflow: hidden; background: var(--sunken); margin-top: var(--space-4); }
      .share rect.local, .scale .band { fill: var(--local); } .share rect.grid { fill: var(--grid); }
      .share svg, .scale svg { width: 100%; height: 100%; }
      .scale { height: 46px; margin-top: var(--space-2); }
      .countdown { font-variant-numeric: tabular-nums; }
      .events { list-style: none; margin: 0; padding: 0; display: grid; gap: var(--space-2); }
      .events li { display: grid; grid-template-columns: max-content 1fr; gap: var(--space-3); }
      .health { display: flex; flex-wrap: wrap; gap: var(--space-2); }
    `,
  ];

  @state() private now = Date.now();
  #ticking: ReturnType<typeof setInterval> | undefined;

  constructor() {
    super();
    new StoreController(this);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#ticking = setInterval(() => {
      this.now = Date.now();
    }, 500);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#ticking);
  }

  override render(): unknown {
    if (store.problem !== null && store.market === null) return failure(store.problem);
    if (store.market === null) return waiting;
    const { game, bids } = store;
    return html`<div class="stack">
      ${game === null ? this.#noGame() : this.#game(game, overview(game, bids))}
      <div class="columns">${this.#health()}${this.#events()}</div>
    </div>`;
  }

  #noGame(): unknown {
    return html`<section class="panel">
      ${empty("No game yet", html`A game opens when the clock publishes one: <span class="mono">energy-market games publish</span>, or sign in and publish it under <a href=${href("operations")}>Operations</a>.`)}
    </section>`;
  }

  #game(game: Game, at: Overview): unknown {
    const local = at.demandKwh > 0 ? at.localKwh / at.demandKwh : 0;
    return html`
      <section class="panel lead" aria-labelledby="game">
        <div class="stack">
          <h1 id="game"><a href=${href("games", game.game)}>${game.game}</a></h1>
          ${phases(game.phase)}
        </div>
        <p class="lead-text" aria-live="polite">${this.#whatHappens(game)}</p>
      </section>
      <section class="figures" aria-label="The game in figures">
        <div class="panel figure local"><span class="muted">Bought from neighbours</span><strong data-figure="local">${kwh(at.localKwh)}</strong>
          <span class="muted">${percent(local)} of a demand of ${kwh(at.demandKwh)}</span></div>
        <div class="panel figure grid"><span class="muted">Left to the grid</span><strong data-figure="grid">${kwh(at.gridKwh)}</strong>
          <span class="muted">at the retail tariff of ${price(at.retail)}</span></div>
        <div class="panel figure price"><span class="muted">A local kWh costs</span>
          <strong data-figure="price">${at.localPrice === null ? "–" : price(at.localPrice)}</strong>
          <span class="muted">fees included; the grid takes ${price(at.retail)} and gives ${price(at.feedIn)}</span></div>
        <div class="panel figure local"><span class="muted">The community saves</span><strong data-figure="saving">${money(at.saving)}</strong>
          <span class="muted">against trading with the grid alone</span></div>
      </section>
      <section class="panel" aria-label="Where the demand is bought">
        <h2>Where the demand is bought</h2>
        <div class="share" role="img" aria-label="${percent(local)} from neighbours, ${percent(1 - local)} from the grid">
          <svg viewBox="0 0 100 10" preserveAspectRatio="none">
            <rect class="local" width=${local * 100} height="10" /><rect class="grid" x=${local * 100} width=${(1 - local) * 100} height="10" />
          </svg>
        </div>
        <p class="row small"><span class="tag local">neighbours ${kwh(at.localKwh)}</span><span class="tag grid">grid ${kwh(at.gridKwh)}</span>
          <span class="muted">offered in all: ${kwh(at.offeredKwh)} by ${game.sellers.length} sellers to ${game.buyers.length} buyers</span></p>
      </section>`;
  }

  #whatHappens(game: Game): unknown {
    const end = phaseEnd(game);
    const left = end === null ? nothing : html`<span class="countdown">${duration((Date.parse(end) - this.now) / 1000)}</span>`;
    switch (game.phase) {
      case "registration":
        return html`Sellers and buyers register: ${game.nrSellers} and ${game.nrBuyers} so far, ${left} left.`;
      case "playing":
        return html`Round ${game.round}: <strong>${game.buyerInTurn}</strong> splits its demand, ${left} left for this turn.`;
      case "delivery":
        return html`Energy is being delivered and metered, ${left} left. The game ended with ${STOP_REASONS[game.stop?.reason ?? ""] ?? "its contracts"}.`;
      case "closed":
        return html`Delivered, paid and settled. The game ended after ${game.stop?.rounds ?? 0} rounds with ${STOP_REASONS[game.stop?.reason ?? ""] ?? "its contracts"}.`;
      default:
        return html`Cancelled: it had no buyers or no sellers.`;
    }
  }

  #health(): unknown {
    return html`<section class="panel" aria-labelledby="health">
      <h2 id="health">Is everything well?</h2>
      <dl>
        ${store.health.map(
          (each) => html`<dt>${each.service}</dt>
            <dd><span class="tag ${each.isWell === null ? "" : each.isWell ? "good" : "bad"}">${each.isWell === null ? "…" : each.isWell ? "well" : "in trouble"}</span>
              <span class="muted small">${each.says}</span></dd>`,
        )}
        ${store.queue === null ? nothing : html`<dt>waiting</dt><dd>${store.queue.depth} commands</dd>`}
      </dl>
    </section>`;
  }

  #events(): unknown {
    return html`<section class="panel" aria-labelledby="events">
      <h2 id="events">What just happened</h2>
      ${store.events.length === 0
        ? html`<p class="muted">Nothing since this page was opened.</p>`
        : html`<ol class="events">
            ${store.events.slice(0, 8).map(
              (event) => html`<li><span class="muted small">${moment(event.at)}</span>
                <span>${event.game === null ? nothing : html`<span class="muted">${event.game}</span> `}${SAID[event.name]?.(event) ?? event.name}</span></li>`,
            )}
          </ol>`}
    </section>`;
  }
}
