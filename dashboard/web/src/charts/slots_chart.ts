/** `<em-slots>`: a chart of slots, and the part of its time that is shown, chosen with the pointer or from two lists. */
import { LitElement, css, html, type PropertyValues } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { shared } from "../design/styles.js";
import { hourOf, isClockSet } from "../market/time.js";
import "./chart.js";
import type { Drawing, Span } from "./chart.js";
import type { Slot } from "./slots_drawing.js";

type Place = Pick<Slot, "starts" | "ends" | "link">;

@customElement("em-slots")
export class SlotsChart extends LitElement {
  static override styles = [
    shared,
    css`
      em-chart { --chart-height: clamp(420px, 62vh, 620px); margin-top: var(--space-4); }
      .row { align-items: end; }
    `,
  ];

  @property({ attribute: false }) drawing: Drawing | null = null;
  /** What is drawn, the earliest first. */
  @property({ attribute: false }) slots: readonly Place[] = [];
  @property({ attribute: false }) zone = "UTC";
  @state() private span: Span | null = null;
  #whole: Span = [0, 0];

  override willUpdate(changed: PropertyValues<this>): void {
    const whole = this.drawing?.time ?? this.#whole;
    if (changed.has("drawing") && String(whole) !== String(this.#whole)) this.span = null;
    this.#whole = whole;
  }

  override render(): unknown {
    const [from, until] = this.span ?? this.#whole;
    const hasOffset = isClockSet(this.#whole);
    const first = nearest(this.slots, from, (slot) => slot.starts);
    const last = nearest(this.slots, until, (slot) => slot.ends);
    const option = (at: number, isChosen: boolean): unknown => html`<option value=${at} .selected=${isChosen}>${hourOf(at, this.zone, hasOffset)}</option>`;
    return html`<div class="row">
        <slot></slot>
        <label>Shown from <select @change=${this.#onFrom}>${this.slots.map((slot) => option(slot.starts, slot === first))}</select></label>
        <label>until <select @change=${this.#onUntil}>${this.slots.map((slot) => option(slot.ends, slot === last))}</select></label>
        <button @click=${this.#showWhole} ?disabled=${this.span === null}>Whole day</button>
      </div>
      <em-chart .drawing=${this.drawing} .span=${this.span} @time-span=${this.#onSpan} @time-click=${this.#onClick}></em-chart>`;
  }

  readonly #onSpan = (event: CustomEvent<Span | null>): void => {
    this.span = event.detail;
  };

  readonly #onClick = (event: CustomEvent<number>): void => {
    const slot = this.slots.find(({ starts, ends }) => starts <= event.detail && event.detail < ends);
    if (slot !== undefined) location.hash = slot.link;
  };

  readonly #onFrom = (event: Event): void => {
    const from = Number((event.target as HTMLSelectElement).value);
    const [, until] = this.span ?? this.#whole;
    this.span = [from, from < until ? until : this.#whole[1]];
  };

  readonly #onUntil = (event: Event): void => {
    const until = Number((event.target as HTMLSelectElement).value);
    const [from] = this.span ?? this.#whole;
    this.span = [from < until ? from : this.#whole[0], until];
  };

  readonly #showWhole = (): void => {
    this.span = null;
  };
}

/** The slot that begins or ends nearest to a moment. */
const nearest = (slots: readonly Place[], to: number, of: (slot: Place) => number): Place | undefined =>
  slots.toSorted((one, other) => Math.abs(of(one) - to) - Math.abs(of(other) - to))[0];
