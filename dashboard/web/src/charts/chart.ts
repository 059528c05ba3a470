/** `<em-chart>`: an ECharts drawing in the page's colours, with its figures as a table for whoever does not see it. */
import { LitElement, css, html, nothing, type PropertyValues } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { BarChart, GraphChart, HeatmapChart, LineChart } from "echarts/charts";
import {
  DataZoomSliderComponent,
  GridComponent,
  LegendComponent,
  TooltipComponent,
  VisualMapComponent,
} from "echarts/components";
import { type EChartsCoreOption, init, use } from "echarts/core";
import { LabelLayout } from "echarts/features";
import { CanvasRenderer } from "echarts/renderers";
import { pager } from "../design/pieces.js";
import { colour } from "../design/scheme.js";
import { shared } from "../design/styles.js";

use([
  BarChart,
  LineChart,
  HeatmapChart,
  GraphChart,
  GridComponent,
  TooltipComponent,
  LegendComponent,
  VisualMapComponent,
  DataZoomSliderComponent,
  LabelLayout,
  CanvasRenderer,
]);

const ROWS = 100;

export interface Palette {
  readonly ink: string;
  readonly muted: string;
  readonly line: string;
  readonly surface: string;
  readonly sunken: string;
  readonly local: string;
  readonly localSoft: string;
  readonly grid: string;
  readonly price: string;
  readonly bad: string;
}

export interface Figures {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Where each row leads; without them nowhere. */
  readonly links?: readonly string[];
}

/** From when until when, in ms. */
export type Span = readonly [from: number, until: number];

/** What is drawn: an option of ECharts made with the palette, and the same figures in words. */
export interface Drawing {
  readonly title: string;
  readonly option: (palette: Palette) => EChartsCoreOption;
  readonly figures: Figures;
  /** What one has to know of it beside, empty if nothing. */
  readonly note?: string;
  /** Of a chart along the time: the whole of it, of which `em-chart` shows a `span`. Its shape stays as it is while that does. */
  readonly time?: Span;
}

function palette(): Palette {
  return {
    ink: colour("ink"),
    muted: colour("muted"),
    line: colour("line"),
    surface: colour("surface"),
    sunken: colour("sunken"),
    local: colour("local"),
    localSoft: colour("local-soft"),
    grid: colour("grid"),
    price: colour("price"),
    bad: colour("bad"),
  };
}

/** What all drawings have in common. */
function frame(colours: Palette): EChartsCoreOption {
  return {
    animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    animationDuration: 250,
    animationDurationUpdate: 250,
    color: [colours.local, colours.grid, colours.price, colours.bad, colours.muted],
    textStyle: { color: colours.ink, fontFamily: "system-ui, sans-serif" },
    tooltip: {
      renderMode: "richText", // no HTML: the page's security policy allows no inline style
      confine: true,
      backgroundColor: colours.surface,
      borderColor: colours.line,
      textStyle: { color: colours.ink },
    },
  };
}

@customElement("em-chart")
export class Chart extends LitElement {
  static override styles = [
    shared,
    css`
      .canvas { width: 100%; height: var(--chart-height, 280px); }
      details { margin-top: var(--space-3); }
      summary { cursor: pointer; color: var(--muted); font-size: var(--small); width: max-content; }
      .scroll { max-height: 320px; overflow: auto; }
    `,
  ];

  @property({ attribute: false }) drawing: Drawing | null = null;
  /** What is shown of a chart along the time, null: the whole. */
  @property({ attribute: false }) span: Span | null = null;
  @state() private isOpen = false; // the figures: a large game has thousands, made only for whoever reads them
  @state() private from = 0;
  @query(".canvas") private canvas?: HTMLDivElement;

  #chart: ReturnType<typeof init> | null = null;
  #size: ResizeObserver | null = null;
  #time: Span | null = null;
  #shown: Span | null = null; // as the chart has it
  readonly #onScheme = (): void => {
    this.#draw(true);
  };

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("scheme-change", this.#onScheme);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("scheme-change", this.#onScheme);
    this.#size?.disconnect();
    this.#chart?.dispose();
    this.#chart = this.#time = this.#shown = null;
  }

  override updated(changed: PropertyValues<this>): void {
    if (changed.has("drawing")) this.#draw();
    else if (changed.has("span")) this.#zoom();
  }

  #draw(isAnew = false): void {
    if (this.drawing === null || this.canvas === undefined) return;
    this.#chart ??= this.#begin(this.canvas);
    const { time, option } = this.drawing;
    const colours = palette();
    // What is shown of the time stays, also under the pointer that is just moving it, while figures come in.
    const notMerge = isAnew || time === undefined || String(time) !== String(this.#time);
    this.#time = time ?? null;
    this.#chart.setOption({ ...frame(colours), ...option(colours) }, { notMerge, lazyUpdate: time === undefined });
    if (!notMerge) return;
    this.#shown = null;
    this.#zoom();
  }

  #begin(canvas: HTMLDivElement): ReturnType<typeof init> {
    const chart = init(canvas);
    this.#size = new ResizeObserver(() => {
      chart.resize();
    });
    this.#size.observe(canvas);
    chart.on("datazoom", () => {
      this.#tellSpan(chart);
    });
    chart.getZr().on("click", ({ offsetX, offsetY }) => {
      if (this.#time === null || !chart.containPixel({ gridIndex: "all" }, [offsetX, offsetY])) return;
      this.dispatchEvent(new CustomEvent("time-click", { detail: chart.convertFromPixel({ xAxisIndex: 0 }, offsetX) }));
    });
    return chart;
  }

  /** Says what somebody has chosen to see with the pointer. */
  #tellSpan(chart: ReturnType<typeof init>): void {
    const [shown] = chart.getOption().dataZoom as readonly { readonly startValue: number; readonly endValue: number }[];
    if (shown === undefined || this.#time === null) return;
    const [from, until] = this.#time;
    const isWhole = shown.startValue <= from && shown.endValue >= until;
    const span: Span | null = isWhole ? null : [shown.startValue, shown.endValue];
    if (String(span) === String(this.span)) return; // as it was told to
    this.span = this.#shown = span;
    this.dispatchEvent(new CustomEvent("time-span", { detail: span }));
  }

  #zoom(): void {
    if (this.#chart === null || this.#time === null) return;
    if (String(this.span) === String(this.#shown)) return;
    this.#shown = this.span;
    const [startValue, endValue] = this.span ?? this.#time;
    this.#chart.dispatchAction({ type: "dataZoom", startValue, endValue });
  }

  override render(): unknown {
    if (this.drawing === null) return nothing;
    const { title, figures, note = "" } = this.drawing;
    return html`
      <div class="canvas" role="img" aria-label=${title}></div>
      ${note === "" ? nothing : html`<p class="muted small">${note}</p>`}
      <details @toggle=${this.#toggle}>
        <summary>The figures</summary>
        ${this.isOpen ? this.#figures(title, figures) : nothing}
      </details>
    `;
  }

  #figures(title: string, { head, rows, links }: Figures): unknown {
    const from = this.from < rows.length ? this.from : 0;
    const first = (cell: string | undefined, link: string | undefined): unknown =>
      html`<th scope="row">${link === undefined ? cell : html`<a href=${link}>${cell}</a>`}</th>`;
    return html`<div class="scroll" tabindex="0" role="region" aria-label=${`${title}: the figures`}>
        <table>
          <thead><tr>${head.map((cell, at) => html`<th scope="col" class=${at === 0 ? "" : "number"}>${cell}</th>`)}</tr></thead>
          <tbody>
            ${rows.slice(from, from + ROWS).map(
              ([name, ...cells], at) => html`<tr>${first(name, links?.[from + at])}${cells.map((cell) => html`<td class="number">${cell}</td>`)}</tr>`,
            )}
          </tbody>
        </table>
      </div>
      ${pager(from, ROWS, rows.length, (next) => (this.from = next))}`;
  }

  readonly #toggle = (event: Event): void => {
    this.isOpen = (event.target as HTMLDetailsElement).open;
  };
}
