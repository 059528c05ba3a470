/** `<em-sign-in>`: an operator gives its id and key file; the key never leaves the browser. */
import { LitElement, css, html, nothing } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { Problem } from "../api/problem.js";
import { shared } from "../design/styles.js";
import { store } from "../market/store.js";
import { canSign } from "./operator.js";
import { session } from "./session.js";

@customElement("em-sign-in")
export class SignIn extends LitElement {
  static override styles = [
    shared,
    css`
      dialog { border: 1px solid var(--line); border-radius: var(--round); background: var(--surface); color: var(--ink); padding: var(--space-5);
        width: min(30rem, 100% - 2rem); }
      dialog::backdrop { background: rgb(0 0 0 / 45%); }
      form { display: grid; gap: var(--space-4); margin-top: var(--space-4); }
    `,
  ];

  @state() private problem: Problem | null = null;
  @state() private isBusy = false;
  @query("dialog") private dialog!: HTMLDialogElement;

  override firstUpdated(): void {
    this.dialog.showModal();
  }

  override render(): unknown {
    return html`<dialog aria-labelledby="title" @close=${this.#onClose}>
      <h2 id="title">Sign in as an operator</h2>
      ${canSign() ? this.#form() : this.#instead()}
    </dialog>`;
  }

  #form(): unknown {
    return html`<form @submit=${this.#submit}>
      <p class="muted small">The key is read into this browser, cannot be taken out of it again, is never sent, and is forgotten with this page.</p>
      <label>Operator's id
        <input name="id" required autocomplete="username" .value=${store.market?.operators[0] ?? "operator"} />
      </label>
      <label>Key file (.pem, in the market's folder keys/)
        <input name="key" type="file" required accept=".pem" />
      </label>
      ${this.problem === null ? nothing : html`<p role="alert" class="tag bad">${this.problem.message}</p>`}
      <div class="row">
        <button class="primary" ?disabled=${this.isBusy}>Sign in</button>
        <button type="button" @click=${this.#cancel}>Cancel</button>
      </div>
    </form>`;
  }

  #instead(): unknown {
    return html`<p>This page was not opened over HTTPS or from this machine, so that the browser signs nothing here. Sign on the command line:</p>
      <p class="mono">energy-market sign TOPIC --data JSON --as operator --send</p>
      <button @click=${this.#cancel}>Close</button>`;
  }

  readonly #submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const fields = new FormData(event.target as HTMLFormElement);
    const [id, file] = [fields.get("id"), fields.get("key")];
    this.isBusy = true;
    try {
      if (typeof id !== "string" || !(file instanceof File)) throw new Problem(0, "KEY_FILE_MISSING", "Choose a key file.");
      await session.begin(id.trim(), await file.text());
      this.dialog.close();
    } catch (error) {
      this.problem = Problem.from(error);
    }
    this.isBusy = false;
  };

  readonly #cancel = (): void => {
    this.dialog.close();
  };

  readonly #onClose = (): void => {
    this.dispatchEvent(new Event("close"));
  };
}
