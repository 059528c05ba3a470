/** `<em-operations>`: how the services are, and what an operator can do about the market. */
import { LitElement, css, html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";
import { type CommandStatus, type ServiceName, type Tariffs, api } from "../api/market_api.js";
import { Problem } from "../api/problem.js";
import { shared } from "../design/styles.js";
import { clock } from "../market/moments.js";
import { count, duration, price } from "../market/numbers.js";
import { Refresher, repeat } from "../market/refresher.js";
import { StaleController, StoreController, store } from "../market/store.js";
import { marketTime } from "../market/time.js";
import { href } from "../route.js";
import type { Plain } from "../signing/canonical.js";
import { send } from "../signing/operator.js";
import { session } from "../signing/session.js";

/** How long a command to the clock is valid. */
const VALID_MS = 60_000;
const SERVICES: readonly ServiceName[] = ["queue", "clock", "optimizer"];
const COUNTED_MS = 3000;
const MOST_TARIFFS = 6;
const IDENTIFIER = "[A-Za-z0-9][A-Za-z0-9_.:\\-]*";
const PRICE = "-?[0-9]+([.][0-9]{1,18})?";
const UNUSUAL = 2; // currency per kWh: more looks like cents
const REGISTRATION = "60; of a slot until 5 min before";

/** Counters of Prometheus' text format: [name, labels, value]. */
export function counters(text: string): [string, Record<string, string>, number][] {
  return text.split("\n").flatMap((line) => {
    const match = /^([a-z_]+)(?:\{(.*)\})? ([0-9.e+-]+)$/i.exec(line);
    if (match === null) return [];
    const labels = [...(match[2] ?? "").matchAll(/(\w+)="([^"]*)"/g)].map((each) => [each[1] ?? "", each[2] ?? ""] as const);
    return [[match[1] ?? "", Object.fromEntries(labels), Number(match[3])] as [string, Record<string, string>, number]];
  });
}

interface Sample {
  readonly at: number;
  readonly settled: number;
}

@customElement("em-operations")
export class Operations extends LitElement {
  static override styles = [
    shared,
    css`
      form { display: grid; gap: var(--space-3); align-content: start; }
      form .row label { flex: 1 1 8rem; }
      .result { border-left: 3px solid var(--local); padding-left: var(--space-3); }
      .result.bad { border-color: var(--bad); }
    `,
  ];

  @state() private errors: readonly (readonly [code: string, times: number])[] = [];
  @state() private perSecond: number | null = null;
  @state() private status: CommandStatus | null = null;
  @state() private problem: Problem | null = null;
  @state() private isBusy = false;
  @state() private prosumers: readonly string[] = [];
  @state() private tariffs: Tariffs | null = null;
  /** What is asked about a price before it is signed. */
  @state() private unusual: string | null = null;
  #sample: Sample | null = null;
  #endCounting: () => void = () => undefined;
  readonly #onSession = (): void => {
    this.requestUpdate();
    if (session.operator !== null) void this.#names();
  };

  readonly #tariffsReader = new Refresher(
    async () => {
      this.tariffs = await api.tariffs();
    },
    () => undefined, // where they cannot be read, the queue's own panel says so
  );

  constructor() {
    super();
    new StoreController(this);
    new StaleController(this, () => {
      this.#tariffsReader.touch();
    });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    session.addEventListener("change", this.#onSession);
    this.#onSession();
    this.#tariffsReader.touch();
    this.#endCounting = repeat(() => this.#count(), COUNTED_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    session.removeEventListener("change", this.#onSession);
    this.#endCounting();
  }

  /** Whom one may mean: suggestions while one types, so that their want is no trouble. */
  async #names(): Promise<void> {
    this.prosumers = await api.prosumers().then(
      (found) => found.map((each) => each.prosumer),
      () => [],
    );
  }

  async #count(): Promise<void> {
    const texts = await Promise.allSettled(SERVICES.map((service) => api.metrics(service)));
    const found = texts.flatMap((text) => (text.status === "fulfilled" ? counters(text.value) : []));
    const byCode = new Map<string, number>();
    let settled = 0;
    for (const [name, labels, value] of found) {
      if (name.endsWith("_settled_total")) settled += value;
      if (name.endsWith("_total") && labels.code !== undefined && labels.code !== "" && value > 0) {
        byCode.set(labels.code, (byCode.get(labels.code) ?? 0) + value);
      }
    }
    this.errors = [...byCode].filter(([code]) => /^[A-Z_]+$/.test(code)).sort((one, other) => other[1] - one[1]);
    const now = Date.now();
    if (this.#sample !== null) this.perSecond = (settled - this.#sample.settled) / ((now - this.#sample.at) / 1000);
    this.#sample = { at: now, settled };
  }

  override render(): unknown {
    return html`<div class="stack"><h1>Operations</h1><div class="columns">${this.#queue()}${this.#services()}${this.#codes()}</div>
      ${session.operator === null
        ? html`<div class="columns">${this.#tariffs()}${this.#administration()}</div>`
        : html`${this.#administration()}${this.#tariffs()}`}</div>`;
  }

  #queue(): unknown {
    const { queue } = store;
    return html`<section class="panel" aria-labelledby="queue"><h2 id="queue">Queue</h2>
      ${queue === null
        ? html`<p class="tag bad">cannot be asked</p>`
        : html`<dl><dt>Waiting</dt><dd data-figure="depth">${count(queue.depth)} of at most ${count(queue.capacity)}</dd>
            <dt>Oldest</dt><dd>${queue.depth === 0 ? "–" : duration(queue.oldestAgeMs / 1000)}</dd>
            <dt>Decided</dt><dd>${this.perSecond === null ? "…" : `${this.perSecond.toFixed(1)} commands / s`}</dd>
            <dt>Ledger</dt><dd>${queue.ledgerHeight === null ? "cannot be asked" : `${count(queue.ledgerHeight)} blocks`}</dd>
            <dt>In the way</dt><dd>${queue.trouble ?? "nothing"}</dd></dl>`}
    </section>`;
  }

  #services(): unknown {
    return html`<section class="panel" aria-labelledby="services"><h2 id="services">Services</h2>
      <dl>${store.health.map(
        (each) => html`<dt>${each.service}</dt><dd><span class="tag ${each.isWell === false ? "bad" : "good"}">${each.isWell === false ? "in trouble" : "well"}</span>
          <span class="muted small">${each.says}</span></dd>`,
      )}</dl></section>`;
  }

  #codes(): unknown {
    return html`<section class="panel" aria-labelledby="codes"><h2 id="codes">Refused and rejected, by code</h2>
      ${this.errors.length === 0
        ? html`<p class="muted">Nothing, since the services started.</p>`
        : html`<table><thead><tr><th scope="col">Code</th><th scope="col" class="number">Times</th></tr></thead>
            <tbody>${this.errors.map(([code, times]) => html`<tr><th scope="row" class="mono">${code}</th><td class="number">${count(times)}</td></tr>`)}</tbody></table>`}
    </section>`;
  }

  /** What the grid takes and gives, from the present on. */
  #tariffs(): unknown {
    if (this.tariffs === null) return nothing;
    const { tariffs, defaultRetail, defaultFeedIn } = this.tariffs;
    const at = tariffs.findLastIndex((each) => Date.parse(each.from) <= marketTime());
    const coming = tariffs.slice(Math.max(0, at), Math.max(0, at) + MOST_TARIFFS);
    const rows = [
      ...(at === -1 ? [["now", defaultRetail, defaultFeedIn] as const] : []),
      ...coming.map((each) => [`${each === tariffs[at] ? "now, since" : "from"} ${clock(each.from)}`, each.retail, each.feedIn] as const),
    ];
    return html`<section class="panel" aria-labelledby="tariffs"><h2 id="tariffs">The grid's tariffs</h2>
      <table><thead><tr><th scope="col">When</th><th scope="col" class="number">It takes</th><th scope="col" class="number">It gives</th></tr></thead>
        <tbody>${rows.map(([when, retail, feedIn]) => html`<tr><th scope="row">${when}</th><td class="number">${price(retail)}</td><td class="number">${price(feedIn)}</td></tr>`)}</tbody></table>
      <p class="muted small">Games keep those that they were published with.${session.operator === null ? " An operator changes them." : ""}</p>
    </section>`;
  }

  #administration(): unknown {
    if (session.operator === null) {
      return html`<section class="panel"><h2>Administration</h2><p class="muted">Sign in as an operator to publish games, enter prosumers and their meters, set tariffs, top accounts up, close games or reset the market. Others can only look.</p></section>`;
    }
    return html`<section class="panel stack" aria-labelledby="administration">
      <h2 id="administration">Administration, signed by ${session.operator.id}</h2>
      ${this.#receipt()}
      <div class="columns">
        <form @submit=${this.#submit("publishGame")}><h3>Publish a game</h3>
          <label>Delivery slot begins (empty: at once when bids stand) <input name="deliverySlot" type="datetime-local" /></label>
          <div class="row"><label>Registration, seconds <input name="registrationDurationMs" data-scale="1000" type="number" min="1" placeholder=${REGISTRATION} /></label>
            <label>Delivery, minutes <input name="durationMs" data-scale="60000" type="number" min="0.1" step="any" placeholder="1; 15 of a slot" /></label></div>
          <button class="primary" ?disabled=${this.isBusy}>Publish</button></form>
        <form @submit=${this.#submit("registerProsumer")}><h3>Add a prosumer</h3>
          <div class="row"><label>Id <input name="id" required pattern=${IDENTIFIER} /></label><label>Public key, base64 <input name="publicKey" required maxlength="44" /></label></div>
          <button class="primary" ?disabled=${this.isBusy}>Add</button></form>
        <form @submit=${this.#submit("registerMeter")}><h3>Enter a meter</h3>
          <div class="row"><label>Meter's id <input name="id" required pattern=${IDENTIFIER} /></label><label>Public key, base64 <input name="publicKey" required maxlength="44" /></label></div>
          <div class="row"><label>Prosumer <input name="prosumer" required list="prosumers" /></label><label>Connection, kW <input name="powerKw" inputmode="decimal" pattern="[0-9]+([.][0-9]{1,4})?" required /></label></div>
          <div class="row"><label>Registers begin anew at, kWh <input name="registerModulusKwh" inputmode="decimal" pattern="[0-9]+([.][0-9]{1,4})?" placeholder="1000000" /></label>
            <label>In the place of <input name="replaces" pattern=${IDENTIFIER} placeholder="no earlier meter" /></label></div>
          <button class="primary" ?disabled=${this.isBusy}>Enter</button></form>
        <form @submit=${this.#setTariffs}><h3>Set the grid's tariffs</h3>
          <label>From <input name="from" type="datetime-local" required /></label>
          <div class="row"><label>It takes, currency per kWh <input name="retail" inputmode="decimal" pattern=${PRICE} required /></label>
            <label>It gives, currency per kWh <input name="feedIn" inputmode="decimal" pattern=${PRICE} required /></label></div>
          ${this.unusual === null ? nothing : html`<p role="alert" class="result bad">${this.unusual}</p>`}
          <button class="primary" ?disabled=${this.isBusy}>${this.unusual === null ? "Set" : "Set all the same"}</button></form>
        <form @submit=${this.#submit("topUpAccount")}><h3>Top an account up</h3>
          <div class="row"><label>Prosumer <input name="prosumer" required list="prosumers" /></label><label>Amount, currency <input name="amount" inputmode="decimal" pattern="[0-9]+([.][0-9]{1,6})?" required /></label></div>
          <datalist id="prosumers">${this.prosumers.map((each) => html`<option value=${each}></option>`)}</datalist>
          <button class="primary" ?disabled=${this.isBusy}>Top up</button></form>
        <form @submit=${this.#submit("closeMarket")}><h3>Close a game</h3>
          <label>Game <input name="game" required .value=${store.game?.game ?? ""} /></label>
          <button class="primary" ?disabled=${this.isBusy}>Close</button></form>
        <form @submit=${this.#clock}><h3>The clock</h3>
          <p class="muted">${store.schedule?.paused === true ? "It publishes no games for now." : "It publishes games as its schedule says."}</p>
          <button ?disabled=${this.isBusy}>${store.schedule?.paused === true ? "Resume" : "Pause"}</button></form>
        <form @submit=${this.#submit("resetMarket")}><h3>Reset the market</h3>
          <p class="muted">Ends and removes every game and releases every escrow; prosumers, accounts and topology stay.</p>
          <label>Type <strong>reset</strong> to confirm <input name="confirmation" required pattern="reset" autocomplete="off" /></label>
          <button class="danger" ?disabled=${this.isBusy}>Reset</button></form>
      </div>
    </section>`;
  }

  #receipt(): unknown {
    if (this.problem !== null) return html`<p class="result bad" role="alert"><strong>${this.problem.code}</strong>: ${this.problem.message}</p>`;
    if (this.isBusy) return html`<p class="result" role="status">Signed and sent; waiting for the ledger…</p>`;
    if (this.status === null) return nothing;
    const { status, error, block, topic } = this.status;
    return html`<p class="result ${status === "committed" ? "" : "bad"}" role="status"><strong>${topic}</strong> ${status}${error === null ? nothing : html`: ${error.code}, ${error.message}`}
      ${block === null ? nothing : html` in <a href=${href("ledger", block)}>block ${block}</a>`}</p>`;
  }

  #submit(topic: string): (event: SubmitEvent) => Promise<void> {
    return async (event) => {
      event.preventDefault();
      const form = event.target as HTMLFormElement;
      await this.#send(topic, form, () => Promise.resolve(dataOf(form)));
    };
  }

  #send(topic: string, form: HTMLFormElement, data: () => Promise<{ readonly [name: string]: Plain }>): Promise<void> {
    return this.#carryOut(async () => {
      if (session.operator === null) return;
      this.status = await send(await session.operator.sign(topic, await data()));
      if (this.status.status === "committed") form.reset();
    });
  }

  /** Enters a line into the tariffs' table, which is signed as a whole. A price like one in cents is asked about first. */
  readonly #setTariffs = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const line = dataOf(form);
    const highest = Math.max(Math.abs(Number(line.retail)), Math.abs(Number(line.feedIn)));
    const question = highest > UNUSUAL ? `${highest} for a kWh is unusual; was ${highest / 100} meant?` : null;
    if (question !== null && question !== this.unusual) {
      this.unusual = question;
      return;
    }
    this.unusual = null;
    await this.#send("setTariffs", form, async () => {
      const others = (await api.exactTariffs()).filter((each) => Date.parse(each.from) !== Date.parse(line.from as string));
      return { tariffs: [...others.map((each) => ({ ...each })), line] };
    });
  };

  readonly #clock = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    await this.#carryOut(async () => {
      if (session.operator === null) return;
      const verb = store.schedule?.paused === true ? "resume" : "pause";
      const validUntil = new Date(Date.now() + VALID_MS).toISOString();
      await api.post("clock", verb, await session.operator.sign(verb === "pause" ? "pauseClock" : "resumeClock", { validUntil }));
    });
  };

  async #carryOut(work: () => Promise<void>): Promise<void> {
    this.isBusy = true;
    this.problem = this.status = null;
    try {
      await work();
    } catch (error) {
      this.problem = Problem.from(error);
    }
    this.isBusy = false;
    store.touch();
    void this.#names();
  }
}

/**
 * What a form says, as a command's data: amounts stay the strings that were typed, so that they are exact; what is left
 * empty is left to the market's rules.
 */
function dataOf(form: HTMLFormElement): { readonly [name: string]: Plain } {
  const data: Record<string, Plain> = {};
  const hasSlot = form.querySelector<HTMLInputElement>("[name=deliverySlot]")?.value;
  for (const field of form.querySelectorAll<HTMLInputElement>("input[name]")) {
    if (field.name === "confirmation" || field.value.trim() === "") continue;
    const name = field.name === "durationMs" ? (hasSlot ? "slotDurationMs" : "deliveryDurationMs") : field.name;
    data[name] = valueOf(field);
  }
  return data;
}

function valueOf(field: HTMLInputElement): Plain {
  if (field.type === "datetime-local") return new Date(field.value).toISOString();
  const { scale } = field.dataset;
  return scale === undefined ? field.value.trim() : Math.round(Number(field.value) * Number(scale));
}
