/** `<em-network>`: who supplies whom, on the network. */
import { LitElement, css, html, nothing, type PropertyValues } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { type Bid, type Game, type Topology, api } from "../api/market_api.js";
import { Problem } from "../api/problem.js";
import "../charts/chart.js";
import type { Drawing } from "../charts/chart.js";
import { type NetworkNode, type Supply, networkDrawing } from "../charts/drawings.js";
import { empty, failure, waiting } from "../design/pieces.js";
import { shared } from "../design/styles.js";
import { type Network, groups, rings } from "../market/layout.js";
import { gameTitle } from "../market/moments.js";
import { count, kwh } from "../market/numbers.js";
import { Refresher } from "../market/refresher.js";
import { StoreController, store } from "../market/store.js";
import { networkOf } from "../market/supplies.js";
import { href } from "../route.js";

const MOST_NODES = 100; // more are gathered into groups, until somebody wants them all

interface Shown {
  readonly game: Game;
  readonly supplies: readonly Supply[];
}

@customElement("em-network")
export class NetworkView extends LitElement {
  static override styles = [
    shared,
    css`
      em-chart { --chart-height: min(70vh, 720px); }
      .keys { display: flex; flex-wrap: wrap; gap: var(--space-2); }
    `,
  ];

  @property({ attribute: false }) name: string | null = null;
  @state() private shown: Shown | null = null;
  @state() private topology: Topology | null = null;
  @state() private problem: Problem | null = null;
  @state() private isWhole = false;
  readonly #refresher = new Refresher(() => this.#load(), (problem) => (this.problem = problem));
  #drawing: Drawing | null = null;
  #seen: readonly Bid[] = [];
  #nodes = 0;

  constructor() {
    super();
    new StoreController(this);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#refresher.touch();
  }

  override willUpdate(changed: PropertyValues): void {
    if (changed.has("name")) this.shown = null;
    if (changed.has("name") || store.bids !== this.#seen) this.#refresher.touch();
    this.#seen = store.bids;
    if (this.shown === null || !(changed.has("shown") || changed.has("isWhole"))) return;
    const { game, supplies } = this.shown;
    const network = networkOf(game, this.topology);
    this.#nodes = network.nodes.length;
    this.#drawing = this.#isLarge() && !this.isWhole ? grouped(game, network, supplies) : whole(game, network, supplies);
  }

  #isLarge(): boolean {
    return this.#nodes > MOST_NODES;
  }

  async #load(): Promise<void> {
    const name = this.name ?? store.game?.game ?? null;
    if (name === null) return;
    this.topology ??= await api.topology();
    const [game, bids, transfers] = await Promise.all([...present(name), api.transfers(name)]);
    const supplies =
      transfers.length > 0
        ? transfers.map((each) => ({ from: each.seller, to: each.buyer, energy: each.energy }))
        : bids.flatMap((bid) =>
            Object.entries(bid.amounts ?? {})
              .map(([seller, amount]) => ({ from: seller, to: bid.buyer, energy: amount }))
              .filter((supply) => supply.energy > 0),
          );
    if (!isSame(this.shown, game, supplies)) this.shown = { game, supplies };
    this.problem = null;
  }

  override render(): unknown {
    if (this.problem !== null && this.shown === null) return html`<section class="panel">${failure(this.problem)}</section>`;
    if (store.market !== null && store.game === null) {
      return html`<section class="panel">${empty("No game yet", "Who supplies whom is drawn here as soon as there are bids.")}</section>`;
    }
    if (this.shown === null) return waiting;
    const { game, supplies } = this.shown;
    const isLarge = this.#isLarge();
    return html`<section class="panel stack">
      <header class="row spread"><div><h1>Who supplies whom</h1>
          <p class="muted"><a href=${href("games", game.game)}>${gameTitle(game.game)}</a></p></div>
        ${isLarge
          ? html`<button @click=${this.#toggle}>${this.isWhole ? `Gather into ${MOST_NODES} groups` : `Show all ${count(this.#nodes)} nodes`}</button>`
          : nothing}</header>
      <div class="keys"><span class="tag local">sells</span><span class="tag grid">buys</span>
        ${isLarge && !this.isWhole ? html`<span class="tag price">group of neighbours</span>` : nothing}
        <span class="muted small">A line's width is the energy. Drag to move, scroll to zoom.</span></div>
      ${supplies.length === 0 ? html`<p class="muted">Nothing is traded in this game yet.</p>` : nothing}
      <em-chart .drawing=${this.#drawing}></em-chart>
    </section>`;
  }

  readonly #toggle = (): void => {
    this.isWhole = !this.isWhole;
  };
}

/** A game and its bids: the present one the store has read already. */
function present(name: string): [Game | Promise<Game>, readonly Bid[] | Promise<readonly Bid[]>] {
  return store.game?.game === name ? [store.game, store.bids] : [api.game(name), api.bids(name)];
}

function isSame(shown: Shown | null, game: Game, supplies: readonly Supply[]): boolean {
  return (
    shown?.game.game === game.game &&
    shown.game.phase === game.phase &&
    shown.game.sellers.length + shown.game.buyers.length === game.sellers.length + game.buyers.length &&
    JSON.stringify(shown.supplies) === JSON.stringify(supplies)
  );
}

function kindOf(game: Game): (node: string) => NetworkNode["kind"] {
  const sellers = new Set(game.sellers.map((entry) => entry.seller));
  const buyers = new Set(game.buyers.map((entry) => entry.buyer));
  return (node) =>
    sellers.has(node) ? (buyers.has(node) ? "both" : "seller") : buyers.has(node) ? "buyer" : "idle";
}

function whole(game: Game, network: Network, supplies: readonly Supply[]): Drawing {
  const places = network.lines.length > 0 ? rings(network) : circle(network.nodes);
  const kind = kindOf(game);
  const energy = new Map<string, number>();
  for (const { from, to, energy: amount } of supplies) {
    for (const end of [from, to]) energy.set(end, (energy.get(end) ?? 0) + amount);
  }
  const most = Math.max(1e-9, ...energy.values());
  const nodes = network.nodes.map((node) => ({
    id: node,
    name: node,
    kind: kind(node),
    ...(places.get(node) ?? { x: 0, y: 0 }),
    weight: Math.sqrt((energy.get(node) ?? 0) / most),
  }));
  return networkDrawing(nodes, network.lines, supplies);
}

function grouped(game: Game, network: Network, supplies: readonly Supply[]): Drawing {
  const group = groups(network, MOST_NODES);
  const of = (node: string): string => group.get(node) ?? node;
  const sizes = new Map<string, number>();
  for (const node of network.nodes) sizes.set(of(node), (sizes.get(of(node)) ?? 0) + 1);
  const lines = new Map(
    network.lines
      .map(([one, other]) => [of(one), of(other)] as const)
      .filter(([one, other]) => one !== other)
      .map((line) => [[...line].sort().join("\n"), line] as const),
  );
  const flows = new Map<string, Supply>();
  for (const { from, to, energy } of supplies) {
    const [one, other] = [of(from), of(to)];
    const key = `${one}\n${other}`;
    flows.set(key, { from: one, to: other, energy: energy + (flows.get(key)?.energy ?? 0) });
  }
  const gathered = { nodes: [...sizes.keys()], lines: [...lines.values()] };
  const places = gathered.lines.length > 0 ? rings(gathered) : circle(gathered.nodes);
  const most = Math.max(...sizes.values());
  const kind = kindOf(game);
  const nodes = gathered.nodes.map((node) => {
    const size = sizes.get(node) ?? 1;
    const inside = flows.get(`${node}\n${node}`)?.energy ?? 0;
    return {
      id: node,
      label: size === 1 ? node : `${node} +${size - 1}`,
      name: size === 1 ? node : `${node} and ${size - 1} more, ${kwh(inside)} among them`,
      kind: size === 1 ? kind(node) : ("group" as const),
      ...(places.get(node) ?? { x: 0, y: 0 }),
      weight: Math.sqrt(size / most),
    };
  });
  return networkDrawing(nodes, gathered.lines, [...flows.values()].filter((flow) => flow.from !== flow.to));
}

function circle(nodes: readonly string[]): Map<string, { x: number; y: number }> {
  return new Map(
    nodes.map((node, at) => {
      const angle = (2 * Math.PI * at) / nodes.length;
      return [node, { x: Math.cos(angle), y: Math.sin(angle) }];
    }),
  );
}
