/** `<em-chart>`: an ECharts drawing in the page's colours, with its figures as a table for whoever does not see it. */
import { LitElement, css, html, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { BarChart, GraphChart, HeatmapChart, LineChart } from "echarts/charts";
import {
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
}

/** What is drawn: an option of ECharts made with the palette, and the same figures in words. */
export interface Drawing {
  readonly title: string;
  readonly option: (palette: Palette) => EChartsCoreOption;
  readonly figures: Figures;
  /** What one has to know of it beside, empty if nothing. */
  readonly note?: string;
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
  @state() private isOpen = false; // the figures: a large game has thousands, made only for whoever reads them
  @state() private from = 0;
  @query(".canvas") private canvas?: HTMLDivElement;

  #chart: ReturnType<typeof init> | null = null;
  #size: ResizeObserver | null = null;
  readonly #onScheme = (): void => {
    this.#draw();
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
    this.#chart = null;
  }

  override updated(): void {
    this.#draw();
  }

  #draw(): void {
    if (this.drawing === null || this.canvas === undefined) return;
    if (this.#chart === null) {
      const chart = init(this.canvas);
      this.#chart = chart;
      this.#size = new ResizeObserver(() => {
        chart.resize();
      });
      this.#size.observe(this.canvas);
      chart.on("click", (params) => {
        this.dispatchEvent(new CustomEvent("chart-click", { detail: params }));
      });
    }
    const colours = palette();
    this.#chart.setOption({ ...frame(colours), ...this.drawing.option(colours) }, { notMerge: true, lazyUpdate: true });
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

  #figures(title: string, { head, rows }: Figures): unknown {
    const from = this.from < rows.length ? this.from : 0;
    return html`<div class="scroll" tabindex="0" role="region" aria-label=${`${title}: the figures`}>
        <table>
          <thead><tr>${head.map((cell, at) => html`<th scope="col" class=${at === 0 ? "" : "number"}>${cell}</th>`)}</tr></thead>
          <tbody>
            ${rows.slice(from, from + ROWS).map(
              (row) => html`<tr>${row.map((cell, at) => (at === 0 ? html`<th scope="row">${cell}</th>` : html`<td class="number">${cell}</td>`))}</tr>`,
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
