/** `<em-page>`: the frame around the views: where one is, whether what is shown is of now, who is signed in. */
import { LitElement, css, html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";
import { scheme, toggleScheme } from "./design/scheme.js";
import { shared } from "./design/styles.js";
import { marketClock } from "./market/moments.js";
import { duration } from "./market/numbers.js";
import { StoreController, store } from "./market/store.js";
import { marketTime, simulatedTime } from "./market/time.js";
import { type Route, VIEWS, type View, href, route } from "./route.js";
import { session } from "./signing/session.js";
import "./signing/sign_in.js";
import "./views/day.js";
import "./views/games.js";
import "./views/households.js";
import "./views/ledger.js";
import "./views/network.js";
import "./views/now.js";
import "./views/operations.js";
import "./views/prosumers.js";

const TICK_MS = 500;

@customElement("em-page")
export class Page extends LitElement {
  static override styles = [
    shared,
    css`
      .skip { position: absolute; left: -999px; }
      .skip:focus { left: var(--space-4); top: var(--space-2); background: var(--surface); padding: var(--space-2); z-index: 2; }
      header.top { display: flex; flex-wrap: wrap; align-items: center; gap: var(--space-2) var(--space-5); padding: var(--space-3) var(--space-5);
        background: var(--surface); border-bottom: 1px solid var(--line); position: sticky; top: 0; z-index: 1; }
      .brand { display: flex; align-items: center; gap: var(--space-2); font-weight: 700; color: var(--ink); text-decoration: none; }
      .brand img { width: 26px; height: 26px; }
      nav { display: flex; gap: var(--space-1); overflow-x: auto; }
      nav a { color: var(--muted); text-decoration: none; padding: 6px 11px; border-radius: var(--round-small); white-space: nowrap; }
      nav a:hover { color: var(--ink); background: var(--sunken); }
      nav a[aria-current] { color: var(--local); background: var(--local-soft); font-weight: 600; }
      .right { margin-left: auto; display: flex; gap: var(--space-2); align-items: center; }
      .right > * { white-space: nowrap; }
      .dot { width: 9px; height: 9px; border-radius: 50%; background: currentColor; }
      main { padding: var(--space-5); max-width: 1440px; margin: 0 auto; }
      main:focus { outline: none; }
      @media (max-width: 46rem) {
        header.top { padding: var(--space-2) var(--space-3); position: static; gap: var(--space-2); }
        .brand { font-size: var(--small); gap: 6px; }
        .right { flex-wrap: wrap; gap: 6px; }
        .right button { padding: 4px 8px; }
        nav { order: 3; width: 100%; display: grid; grid-template-columns: repeat(5, auto); gap: 0; }
        nav a { font-size: var(--small); padding: 6px 4px; text-align: center; }
        main { padding: var(--space-3); }
      }
    `,
  ];

  @state() private route: Route = route();
  @state() private isSigningIn = false;
  #ticking: ReturnType<typeof setInterval> | undefined;

  constructor() {
    super();
    new StoreController(this);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("hashchange", this.#onRoute);
    document.addEventListener("scheme-change", this.#onScheme);
    session.addEventListener("change", this.#onScheme);
    this.#ticking = setInterval(() => {
      if (simulatedTime() !== null || store.connection === "behind") this.requestUpdate();
    }, TICK_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("hashchange", this.#onRoute);
    document.removeEventListener("scheme-change", this.#onScheme);
    session.removeEventListener("change", this.#onScheme);
    clearInterval(this.#ticking);
  }

  readonly #onRoute = (): void => {
    this.route = route();
    document.title = `${VIEWS[this.route.view]} · Energy market`;
    this.renderRoot.querySelector<HTMLElement>("main")?.focus();
  };

  readonly #onScheme = (): void => {
    this.requestUpdate();
  };

  override render(): unknown {
    return html`
      <header class="top">
        <button class="skip" @click=${this.#skip}>Skip to the content</button>
        <a class="brand" href=${href("now")}><img src="/static/icon.svg" alt="" />Energy market</a>
        <nav aria-label="Views">
          ${Object.entries(VIEWS).map(
            ([view, name]) =>
              html`<a href=${href(view as View)} aria-current=${view === this.route.view ? "page" : nothing}>${name}</a>`,
          )}
        </nav>
        <div class="right">
          ${this.#simulated()}${this.#connection()}
          <button @click=${toggleScheme} aria-label="Use the ${scheme() === "dark" ? "light" : "dark"} colours">
            ${scheme() === "dark" ? "☀" : "☾"}
          </button>
          ${session.operator === null
            ? html`<button @click=${this.#openSignIn}>Sign in</button>`
            : html`<button @click=${this.#signOut} title="Forget the key">Sign out ${session.operator.id}</button>`}
        </div>
      </header>
      <main id="content" tabindex="-1" aria-label=${VIEWS[this.route.view]}>${this.#view()}</main>
      ${this.isSigningIn ? html`<em-sign-in @close=${this.#closeSignIn}></em-sign-in>` : nothing}
    `;
  }

  #simulated(): unknown {
    const simulated = simulatedTime();
    if (simulated === null) return nothing;
    const now = marketTime();
    return html`<span class="tag price" title="The market's time is simulated, ${simulated.factor} times as fast as the world's">
      ${marketClock(now)}, × ${simulated.factor}</span>`;
  }

  #connection(): unknown {
    switch (store.connection) {
      case "live":
        return html`<span class="tag good" role="status"><span class="dot"></span>Live</span>`;
      case "behind":
        return html`<span class="tag bad" role="status" title="The event stream is cut; what is missed comes when it is back">
          <span class="dot"></span>Behind since ${duration((Date.now() - (store.behindSince ?? Date.now())) / 1000)}</span>`;
      default:
        return html`<span class="tag" role="status"><span class="dot"></span>Connecting</span>`;
    }
  }

  #view(): unknown {
    const { view, detail } = this.route;
    switch (view) {
      case "now":
        return html`<em-now></em-now>`;
      case "day":
        return html`<em-day .name=${detail[0] ?? null}></em-day>`;
      case "games":
        return html`<em-games .name=${detail[0] ?? null}></em-games>`;
      case "network":
        return html`<em-network .name=${detail[0] ?? null}></em-network>`;
      case "households":
        return html`<em-households .name=${detail[0] ?? null} .period=${detail[1] ?? null}></em-households>`;
      case "prosumers":
        return html`<em-prosumers .name=${detail[0] ?? null}></em-prosumers>`;
      case "ledger":
        return html`<em-ledger .detail=${detail}></em-ledger>`;
      case "operations":
        return html`<em-operations></em-operations>`;
    }
  }

  readonly #skip = (): void => {
    this.renderRoot.querySelector<HTMLElement>("main")?.focus();
  };

  readonly #openSignIn = (): void => {
    this.isSigningIn = true;
  };

  readonly #closeSignIn = (): void => {
    this.isSigningIn = false;
  };

  readonly #signOut = (): void => {
    session.end();
  };
}
