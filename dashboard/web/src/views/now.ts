/** `<em-now>`: the market at a glance. */
import { LitElement, css, html, nothing, svg } from "lit";
import { customElement, state } from "lit/decorators.js";
import type { Bid, Game } from "../api/market_api.js";
import { empty, failure, fallbackTag, figure, phaseTag, phases, waiting } from "../design/pieces.js";
import { shared } from "../design/styles.js";
import { clock, gameName, gameTitle, happened, slot } from "../market/moments.js";
import { CURRENCY, count, counted, duration, exactMoney, kwh, kwhFigure, moneyFigure, percent, price, priceFigure } from "../market/numbers.js";
import { type Overview, STOP_REASONS, overview } from "../market/overview.js";
import { byInterest, phaseAt, phaseEnd } from "../market/phases.js";
import { StoreController, store } from "../market/store.js";
import { marketTime } from "../market/time.js";
import { href } from "../route.js";

const MOST_OTHERS = 6;

const SAID: Record<string, (event: Record<string, unknown>) => string> = {
  GameInitEvent: () => "opened for registration",
  BuyBidEvent: (event) => `round ${String(event.round)}: ${String(event.buyerInTurn)}'s turn`,
  ClearingOpenEvent: () => "gate closed, a clearing is sought",
  GameStopEvent: (event) => `stopped${event.totalNrRounds === 0 ? "" : ` after ${String(event.totalNrRounds)} rounds`}: ${String(event.reason)}`,
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
      .phases li { display: grid; gap: 2px; align-content: start; font-size: var(--small); }
      .phases li > span { padding: 3px 12px; border-radius: 99px; background: var(--sunken); color: var(--muted); }
      .phases small { padding: 0 12px; color: var(--muted); font-size: 0.75rem; white-space: nowrap; font-variant-numeric: tabular-nums; }
      .phases .past > span { color: var(--local); }
      .phases .present > span { background: var(--local); color: var(--surface); font-weight: 650; }
      .others { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: var(--space-2) var(--space-5); }
      .others li { display: flex; gap: var(--space-2); align-items: center; }
      .lead { display: grid; gap: var(--space-4) var(--space-6); grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); align-items: center; }
      .what { display: grid; gap: var(--space-3); }
      .turn { display: flex; flex-wrap: wrap; gap: var(--space-2) var(--space-5); align-items: end; border-left: 4px solid var(--local); padding-left: var(--space-4); }
      .turn > div { display: grid; }
      .turn strong, .figure strong { font-size: var(--figure); font-weight: 680; letter-spacing: -0.02em; line-height: 1.2;
        font-variant-numeric: tabular-nums; white-space: nowrap; }
      strong small { font-size: var(--body); font-weight: 500; letter-spacing: 0; }
      .figures { display: grid; gap: var(--space-4); grid-template-columns: repeat(auto-fit, minmax(min(100%, 9.5rem), 1fr)); }
      .figure { display: grid; align-content: start; gap: 2px; padding: var(--space-4); }
      .figure.local strong { color: var(--local); } .figure.grid strong { color: var(--grid); } .figure.price strong { color: var(--price); }
      .panel.drawn > h2 { margin: 0; }
      .drawn { display: grid; gap: var(--space-3); align-content: start; }
      .share { height: 20px; border-radius: 99px; overflow: hidden; background: var(--sunken); }
      .share svg { display: block; width: 100%; height: 100%; }
      .share .local { fill: var(--local); } .share .grid { fill: var(--grid); }
      .scale { display: block; width: 100%; height: 92px; overflow: visible; font-size: var(--small); font-variant-numeric: tabular-nums; }
      .scale .track { stroke: var(--sunken); stroke-width: 8; stroke-linecap: round; }
      .scale .below { stroke: var(--local-soft); stroke-width: 8; stroke-linecap: round; }
      .scale text { fill: var(--muted); } .scale .present { fill: var(--price); font-weight: 650; font-size: var(--body); }
      .scale circle { fill: var(--price); stroke: var(--surface); stroke-width: 3; } .scale .end { stroke: var(--muted); stroke-width: 2; }
      .events { list-style: none; margin: 0; padding: 0; display: grid; gap: var(--space-2); }
      .events li { display: grid; grid-template-columns: max-content 1fr; gap: var(--space-3); }
      .health { display: flex; flex-wrap: wrap; gap: var(--space-2); }
    `,
  ];

  @state() private now = marketTime();
  /** Reckoned once for what was read: a large game has half a million amounts. */
  #reckoned: { readonly game: Game; readonly bids: readonly Bid[]; readonly at: Overview } | null = null;
  #ticking: ReturnType<typeof setInterval> | undefined;

  constructor() {
    super();
    new StoreController(this);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#ticking = setInterval(() => {
      this.now = marketTime();
      store.lookFor(this.now);
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
      ${game === null ? this.#noGame() : this.#game(game, this.#overview(game, bids))}
      ${this.#others()}
      <div class="columns">${this.#health()}${this.#events()}</div>
    </div>`;
  }

  #overview(game: Game, bids: readonly Bid[]): Overview {
    if (this.#reckoned?.game !== game || this.#reckoned.bids !== bids) this.#reckoned = { game, bids, at: overview(game, bids) };
    return this.#reckoned.at;
  }

  #noGame(): unknown {
    return html`<section class="panel">
      ${empty("No game just now", html`A game opens when the clock publishes one: <span class="mono">energy-market games publish</span>, or sign in and publish it under <a href=${href("operations")}>Operations</a>.`)}
    </section>`;
  }

  #game(game: Game, at: Overview): unknown {
    const local = at.demandKwh > 0 ? at.localKwh / at.demandKwh : 0;
    return html`
      <section class="panel lead" aria-labelledby="game">
        <div class="what">
          <h1 id="game"><a class="quiet-link" href=${href("games", game.game)}>${gameTitle(game.game)}</a></h1>
          ${phases(game, this.now)}
          ${fallbackTag(game)}
        </div>
        <div class="what">${this.#present(game)}<p class="lead-text" aria-live="polite">${whatHappens(game, this.now)}</p></div>
      </section>
      <section class="figures" aria-label="The game in figures">
        <div class="panel figure local"><span class="muted small">Bought from neighbours</span>${figure("local", kwhFigure(at.localKwh), "kWh")}
          <span class="muted small">${percent(local)} of ${kwh(at.demandKwh)}</span></div>
        <div class="panel figure grid"><span class="muted small">Left to the grid</span>${figure("grid", kwhFigure(at.gridKwh), "kWh")}
          <span class="muted small">${percent(at.demandKwh > 0 ? 1 - local : 0)} of the demand</span></div>
        <div class="panel figure price"><span class="muted small">A local kWh costs</span>
          ${at.localPrice === null ? figure("price", "–", "") : figure("price", priceFigure(at.localPrice), `${CURRENCY}/kWh`)}
          <span class="muted small">${at.localPrice === null ? soldNothing(game) : `grid: ${price(at.retail)}`}</span></div>
        <div class="panel figure local"><span class="muted small">The community saves</span>${figure("saving", moneyFigure(at.saving), CURRENCY)}
          <span class="muted small">against the grid alone</span></div>
      </section>
      <div class="columns">
        <section class="panel drawn" aria-labelledby="share"><h2 id="share">Where the demand is bought</h2>
          <div class="share" role="img" aria-label="${percent(local)} from neighbours, ${percent(1 - local)} from the grid">
            <svg viewBox="0 0 100 10" preserveAspectRatio="none">
              <rect class="local" width=${local * 100} height="10" /><rect class="grid" x=${local * 100} width=${at.demandKwh > 0 ? (1 - local) * 100 : 0} height="10" />
            </svg>
          </div>
          <p class="row small"><span class="tag local">neighbours ${kwh(at.localKwh)}</span><span class="tag grid">grid ${kwh(at.gridKwh)}</span></p>
          <p class="muted small">${counted(game.nrSellers, "seller offers", "sellers offer")} ${kwh(at.offeredKwh)} to ${counted(game.nrBuyers, "buyer", "buyers")}.</p>
        </section>
        <section class="panel drawn" aria-labelledby="scale"><h2 id="scale">What a local kWh costs, between the grid's tariffs</h2>${priceScale(at, soldNothing(game))}</section>
      </div>`;
  }

  /** Whose turn it is and how long the phase lasts: what one looks for first. */
  #present(game: Game): unknown {
    const end = phaseEnd(game, this.now);
    if (end === null) return nothing;
    const isTurn = game.phase === "playing" && game.buyerInTurn !== null;
    const left = html`<div><span class="muted small">${isTurn ? "left for it" : `left until ${clock(end)}`}</span>
      <strong class="countdown">${duration((Date.parse(end) - this.now) / 1000)}</strong></div>`;
    return html`<div class="turn">
      ${isTurn ? html`<div><span class="muted small">Its turn, round ${game.round}</span><strong>${game.buyerInTurn}</strong></div>` : nothing}
      ${left}
    </div>`;
  }

  /** Of a market whose slots follow each other several games are under way. */
  #others(): unknown {
    const others = byInterest(store.games, this.now).filter(({ game, phase }) => game !== store.game?.game && phase !== "closed");
    if (others.length === 0) return nothing;
    return html`<section class="panel" aria-labelledby="others"><h2 id="others">Also under way</h2>
      <ul class="others">${others.slice(0, MOST_OTHERS).map(
        (game) => html`<li><a href=${href("games", game.game)}>${slot(game.deliverySlot, game.deliveryStartsAt, game.deliveryEndsAt)}</a>${phaseTag(game, this.now)}</li>`,
      )}
      ${others.length > MOST_OTHERS ? html`<li><a href=${href("games")}>and ${count(others.length - MOST_OTHERS)} more</a></li>` : nothing}</ul>
    </section>`;
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
        ${store.queue === null ? nothing : html`<dt>waiting</dt><dd>commands: ${count(store.queue.depth)}</dd>`}
      </dl>
    </section>`;
  }

  #events(): unknown {
    return html`<section class="panel" aria-labelledby="events">
      <h2 id="events">What just happened</h2>
      ${store.events.length === 0
        ? html`<p class="muted">Nothing yet.</p>`
        : html`<ol class="events">
            ${store.events.slice(0, 8).map(
              (event) => html`<li><span class="muted small">${happened(event.at)}</span>
                <span>${event.game === null || event.game === store.game?.game ? nothing : html`<span class="muted">${gameName(event.game)}:</span> `}${SAID[event.name]?.(event) ?? event.name}</span></li>`,
            )}
          </ol>`}
    </section>`;
  }
}

function whatHappens(game: Game, now: number): unknown {
  const ended = STOP_REASONS[game.stop?.reason ?? ""] ?? "its contracts";
  switch (phaseAt(game, now)) {
    case "registration":
      return html`Sellers and buyers register: ${game.nrSellers} and ${game.nrBuyers} so far.`;
    case "playing":
      if (game.buyerInTurn === null) return html`The gate is closed: anybody may solve the game, and a clearing that proves itself is taken.`;
      return html`Round ${game.round}: ${game.buyerInTurn} splits its demand among the sellers and the grid.`;
    case "contracted":
      return html`Contracts stand: the delivery begins at ${clock(game.deliveryStartsAt ?? "")}. The game ended with ${ended}.`;
    case "delivery":
      return html`Energy is being delivered and metered. The game ended with ${ended}.`;
    case "metering":
      return html`The delivery is over. ${awaited(game)} The game ended with ${ended}.`;
    case "closed":
    case "final":
      return html`Delivered, paid and settled${game.stop === null || game.stop.rounds === 0 ? "" : html` after ${game.stop.rounds} rounds`}. The game ended with ${ended}.`;
    default:
      return html`Cancelled: it had no buyers or no sellers.`;
  }
}

function awaited({ readingsAwaited }: Game): string {
  if (readingsAwaited === null) return "Meters report.";
  return readingsAwaited === 0 ? "All meters have reported." : `Meters report: ${count(readingsAwaited)} have not yet.`;
}

/** What stands in the place of a price before anything is sold, and where nothing ever was. */
const soldNothing = ({ stop }: Game): string => (stop === null ? "nothing is sold yet" : "nothing was sold");

/** The price of a local kWh on a line from what the grid gives for one to what it takes. */
function priceScale({ feedIn, retail, localPrice }: Overview, nothingSold: string): unknown {
  const [least, most] = [Math.min(feedIn, localPrice ?? feedIn), Math.max(retail, localPrice ?? retail)];
  const at = (value: number): string => `${6 + (88 * (value - least)) / Math.max(1e-9, most - least)}%`;
  const anchor = (value: number): string => (value - least < 0.15 * (most - least) ? "start" : most - value < 0.15 * (most - least) ? "end" : "middle");
  const says = localPrice === null ? nothingSold : `a local kWh costs ${price(localPrice)}`;
  return html`<svg class="scale" role="img" aria-label="From the feed-in tariff of ${price(feedIn)} to the retail tariff of ${price(retail)}: ${says}">
    <line class="track" x1="6%" x2="94%" y1="44" y2="44" />
    ${localPrice === null
      ? nothing
      : svg`<line class="below" x1=${at(Math.min(feedIn, localPrice))} x2=${at(localPrice)} y1="44" y2="44" />
          <text class="present" x=${at(localPrice)} y="22" text-anchor=${anchor(localPrice)}>${price(localPrice)}</text>`}
    <line class="end" x1=${at(feedIn)} x2=${at(feedIn)} y1="36" y2="52" /><line class="end" x1=${at(retail)} x2=${at(retail)} y1="36" y2="52" />
    <text x=${at(feedIn)} y="70" text-anchor="start">grid gives</text><text x=${at(feedIn)} y="88" text-anchor="start">${price(feedIn)}</text>
    <text x=${at(retail)} y="70" text-anchor="end">grid takes</text><text x=${at(retail)} y="88" text-anchor="end">${price(retail)}</text>
    ${localPrice === null ? nothing : svg`<circle cx=${at(localPrice)} cy="44" r="9" />`}
  </svg>`;
}
