/** `<em-ledger>`: block, transaction, command, signature; each checked here, in the browser. */
import { LitElement, css, html, nothing, type PropertyValues } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { type Block, type BlockSummary, type Transaction, api } from "../api/market_api.js";
import { Problem } from "../api/problem.js";
import { empty, failure, waiting } from "../design/pieces.js";
import { shared } from "../design/styles.js";
import { type Check, checkBlock, checkChain, checkCommand } from "../ledger/checks.js";
import { moment } from "../market/moments.js";
import { count } from "../market/numbers.js";
import { href } from "../route.js";
import { store } from "../market/store.js";

const PAGE = 25;

function checkTag(check: Check | null): unknown {
  if (check === null) return html`<span class="tag">checking…</span>`;
  return html`<span class="tag ${check.holds ? "good" : "bad"}">${check.holds ? "✓" : "✗"} ${check.says}</span>`;
}

/** A command's fields; whatever else somebody sent, which the contract refused, has none. */
function asSent(command: unknown): { readonly [name: string]: unknown } {
  return typeof command === "object" && command !== null ? (command as Record<string, unknown>) : {};
}

function topicOf(command: { readonly [name: string]: unknown }): string {
  return typeof command.topic === "string" ? command.topic : "without a topic";
}

@customElement("em-ledger")
export class LedgerView extends LitElement {
  static override styles = [shared];

  @property({ attribute: false }) detail: readonly string[] = [];

  override render(): unknown {
    const [block, transaction, command] = this.detail;
    if (block === undefined) return html`<em-blocks></em-blocks>`;
    return html`<em-block .number=${Number(block)} .transaction=${transaction ?? null} .command=${command === undefined ? null : Number(command)}></em-block>`;
  }
}

@customElement("em-blocks")
export class Blocks extends LitElement {
  static override styles = [shared];

  @state() private blocks: readonly BlockSummary[] | null = null;
  @state() private height = 0;
  @state() private from: number | null = null;
  @state() private problem: Problem | null = null;
  @state() private chain: Check | null = null;
  readonly #onChange = (): void => {
    const height = store.queue?.ledgerHeight ?? null;
    if (this.from === null && height !== null && height !== this.height) void this.#load();
  };

  override connectedCallback(): void {
    super.connectedCallback();
    store.addEventListener("change", this.#onChange);
    void this.#load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    store.removeEventListener("change", this.#onChange);
  }

  async #load(): Promise<void> {
    try {
      const page = await api.blocks(this.from ?? undefined, PAGE);
      [this.blocks, this.height, this.problem] = [page.blocks, page.height, null];
      this.chain = await checkChain(page.blocks);
    } catch (error) {
      this.problem = Problem.from(error);
    }
  }

  override render(): unknown {
    if (this.problem !== null) return html`<section class="panel">${failure(this.problem)}</section>`;
    if (this.blocks === null) return waiting;
    if (this.blocks.length === 0) return html`<section class="panel">${empty("An empty ledger", "Its first block comes with its first transaction.")}</section>`;
    const first = this.blocks[0]?.number ?? 0;
    return html`<section class="panel stack">
      <header class="row spread"><h1>Ledger: ${count(this.height)} blocks</h1>${checkTag(this.chain)}</header>
      <div class="scroll" tabindex="0" role="region" aria-label="Blocks">
        <table><thead><tr><th scope="col">Block</th><th scope="col">Time</th><th scope="col" class="number">Transactions</th><th scope="col">Hash</th><th scope="col">Follows</th></tr></thead>
        <tbody>${this.blocks.toReversed().map(
          (block) => html`<tr><th scope="row"><a href=${href("ledger", block.number)}>Block ${block.number}</a></th><td>${block.at === null ? "–" : moment(block.at)}</td>
            <td class="number">${block.nrTransactions}</td><td class="mono">${block.hash.slice(0, 16)}…</td><td class="mono">${block.previousHash.slice(0, 16)}…</td></tr>`,
        )}</tbody></table>
      </div>
      <div class="row"><button ?disabled=${first === 0} @click=${this.#older}>Older</button>
        <button ?disabled=${this.from === null} @click=${this.#newest}>Newest</button></div>
    </section>`;
  }

  readonly #older = (): void => {
    this.from = Math.max(0, (this.blocks?.[0]?.number ?? 0) - PAGE);
    void this.#load();
  };

  readonly #newest = (): void => {
    this.from = null;
    void this.#load();
  };
}

@customElement("em-block")
export class OneBlock extends LitElement {
  static override styles = [
    shared,
    css`
      pre { margin: 0; padding: var(--space-4); background: var(--sunken); border-radius: var(--round-small); overflow: auto; max-height: 26rem;
        font: 0.8rem/1.5 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; }
    `,
  ];

  @property({ attribute: false }) number = 0;
  @property({ attribute: false }) transaction: string | null = null;
  @property({ attribute: false }) command: number | null = null;
  @state() private block: Block | null = null;
  @state() private problem: Problem | null = null;
  @state() private check: readonly Check[] | null = null;
  @state() private signature: Check | null = null;

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("number")) void this.#load(this.number);
    else if (changed.has("command") || changed.has("transaction")) void this.#verify();
  }

  async #load(number: number): Promise<void> {
    this.block = this.check = this.problem = null;
    try {
      this.block = await api.block(number);
      void this.#verify();
      this.check = await checkBlock(this.block);
    } catch (error) {
      this.problem = Problem.from(error);
    }
  }

  async #verify(): Promise<void> {
    this.signature = null;
    const command = this.#transaction()?.commands[this.command ?? -1];
    if (command !== undefined) this.signature = await checkCommand(asSent(command));
  }

  #transaction(): Transaction | undefined {
    return this.block?.transactions.find((each) => each.id === this.transaction);
  }

  override render(): unknown {
    if (this.problem !== null) return html`<section class="panel">${failure(this.problem)}</section>`;
    if (this.block === null) return waiting;
    const { block } = this;
    const transaction = this.#transaction();
    return html`<div class="stack">
      <nav aria-label="Where this is" class="row small"><a href=${href("ledger")}>Ledger</a> › <a href=${href("ledger", block.number)}>Block ${block.number}</a>
        ${transaction === undefined ? nothing : html`› <a href=${href("ledger", block.number, transaction.id)}>Transaction ${transaction.id.slice(0, 8)}…</a>`}
        ${this.command === null ? nothing : html`› Command ${this.command + 1}`}</nav>
      ${transaction === undefined ? this.#whole(block) : this.command === null ? this.#inside(transaction) : this.#one(transaction, this.command)}
    </div>`;
  }

  #whole(block: Block): unknown {
    return html`<section class="panel stack">
      <header class="row spread"><h1>Block ${block.number}</h1><span class="row">${this.check === null ? checkTag(null) : this.check.map(checkTag)}</span></header>
      <dl><dt>Hash</dt><dd class="mono">${block.hash}</dd><dt>Follows</dt><dd class="mono">${block.previousHash}</dd><dt>Time</dt><dd>${block.at === null ? "–" : moment(block.at)}</dd></dl>
      ${block.transactions.length === 0
        ? empty("No transaction of the market", "This block holds the network's own configuration.")
        : html`<div class="scroll" tabindex="0" role="region" aria-label="Transactions"><table>
            <thead><tr><th scope="col">Transaction</th><th scope="col">Time</th><th scope="col" class="number">Commands</th><th scope="col" class="number">Events</th></tr></thead>
            <tbody>${block.transactions.map(
              (each) => html`<tr><th scope="row"><a class="mono" href=${href("ledger", block.number, each.id)}>${each.id}</a></th><td>${moment(each.at)}</td>
                <td class="number">${each.commands.length}</td><td class="number">${each.events.length}</td></tr>`,
            )}</tbody></table></div>`}
    </section>`;
  }

  #inside(transaction: Transaction): unknown {
    return html`<section class="panel stack"><h1>Transaction</h1><p class="mono">${transaction.id}</p>
      ${transaction.commands.length === 0
        ? html`<p class="muted">It began the ledger and holds no commands.</p>`
        : html`<div class="scroll" tabindex="0" role="region" aria-label="Commands"><table>
            <thead><tr><th scope="col">Command</th><th scope="col">By</th><th scope="col">Result</th></tr></thead>
            <tbody>${transaction.commands.map(asSent).map((command, place) => {
              const result = transaction.results[place];
              const payload = command.payload as { prosumer?: string } | undefined;
              return html`<tr><th scope="row"><a href=${href("ledger", this.number, transaction.id, place)}>${topicOf(command)}</a></th>
                <td>${payload?.prosumer ?? "–"}</td>
                <td>${result === undefined ? nothing : html`<span class="tag ${result.status === "committed" ? "good" : "bad"}">${result.status}</span>
                  <span class="mono">${result.status === "rejected" ? result.code : ""}</span>`}</td></tr>`;
            })}</tbody></table></div>`}
      ${transaction.events.length === 0 ? nothing : html`<h2>Events</h2><pre tabindex="0">${JSON.stringify(transaction.events, null, 2)}</pre>`}
    </section>`;
  }

  #one(transaction: Transaction, place: number): unknown {
    const command = transaction.commands[place];
    if (command === undefined) return html`<section class="panel">${empty("No such command", "This transaction has fewer.")}</section>`;
    return html`<section class="panel stack">
      <header class="row spread"><h1>${topicOf(asSent(command))}</h1>${checkTag(this.signature)}</header>
      <h2>What was signed</h2><pre tabindex="0">${JSON.stringify(command, null, 2)}</pre>
      <h2>What the contract decided</h2><pre tabindex="0">${JSON.stringify(transaction.results[place] ?? {}, null, 2)}</pre>
    </section>`;
  }
}
