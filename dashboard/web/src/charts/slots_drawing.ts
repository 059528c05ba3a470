/** The chart of slots along the time: stacked energy above, prices below, on one axis that is zoomed. */
import type { EChartsCoreOption } from "echarts/core";
import { CURRENCY, kwh, price } from "../market/numbers.js";
import { hourOf, isClockSet } from "../market/time.js";
import type { Drawing, Palette, Span } from "./chart.js";
import { axis, legend } from "./drawings.js";

/** A slot of the chart, in ms; `state` says in words how far it is. */
export interface Slot {
  readonly starts: number;
  readonly ends: number;
  readonly state: string;
  /** Where a click on it leads. */
  readonly link: string;
}

/** Energy in kWh that is stacked: what is taken above the axis, what is fed in below. */
export interface Energy<T> {
  readonly name: string;
  readonly kind: "local" | "grid";
  readonly isFedIn: boolean;
  readonly of: (slot: T) => number;
}

/** A price in currency per kWh, null in slots that have none. */
export interface Price<T> {
  readonly name: string;
  readonly kind: keyof typeof LINES;
  readonly of: (slot: T) => number | null;
}

const LINES = { local: "solid", sold: "dashed", retail: "dashed", feedIn: "dotted" } as const;
// The grid is hatched, not only amber: to some green and amber are one colour.
const hatched = (isFedIn: boolean): object => ({ dashArrayX: [1, 0], dashArrayY: [2, 3], rotation: ((isFedIn ? 1 : -1) * Math.PI) / 4 });
const DOTTED = { symbol: "circle", symbolSize: 0.5, dashArrayX: [[5, 5], [0, 5, 5, 0]], dashArrayY: [5, 0] };
const [LEFT, RIGHT] = [52, 24];
const SIDES = { left: LEFT, right: RIGHT, outerBoundsMode: "none" }; // one below the other, to the pixel
// Names of more than three things take two lines on a phone.
const ROOMY = [{ ...SIDES, top: 34, bottom: "47%" }, { ...SIDES, top: "63%", bottom: 74 }, "56%"] as const;
const TIGHT = [{ ...SIDES, top: 54, bottom: "49%" }, { ...SIDES, top: "65%", bottom: 74 }, "54%"] as const;

export interface Slots<T extends Slot> {
  readonly title: string;
  readonly span: Span;
  readonly zone: string;
  readonly slots: readonly T[];
  readonly energies: readonly Energy<T>[];
  readonly prices: readonly Price<T>[];
}

/** A slot from its start to its end, as the clocks of a zone say it. */
export function hoursOf({ starts, ends }: Pick<Slot, "starts" | "ends">, zone: string, hasOffset: boolean): string {
  return `${hourOf(starts, zone, hasOffset)} to ${hourOf(ends, zone)}`;
}

export function slotsDrawing<T extends Slot>(drawn: Slots<T>): Drawing {
  const { title, span, zone, slots, energies, prices } = drawn;
  const hasOffset = isClockSet(span);
  return {
    title,
    time: span,
    option: (p) => optionOf(drawn, p),
    figures: {
      head: ["Slot", "State", ...energies.map(({ name }) => name), ...prices.map(({ name }) => name)],
      rows: slots.map((slot) => [
        hoursOf(slot, zone, hasOffset),
        slot.state,
        ...energies.map(({ of }) => kwh(of(slot))),
        ...prices.map(({ of }) => said(of(slot))),
      ]),
      links: slots.map(({ link }) => link),
    },
  };
}

const said = (value: number | null): string => (value === null ? "–" : price(value));

function optionOf<T extends Slot>(drawn: Slots<T>, p: Palette): EChartsCoreOption {
  const { span, zone, slots, energies, prices } = drawn;
  const [upper, lower, between] = Math.max(energies.length, prices.length) > 3 ? TIGHT : ROOMY;
  const grids = [upper, lower];
  const common = { type: "time", min: span[0], max: span[1], axisPointer: { label: { show: false } } };
  const hours = { formatter: (at: number) => hourOf(at, zone) };
  return {
    grid: grids,
    legend: [
      { ...legend(p.muted), left: LEFT - 44, data: energies.map(({ name }) => name) },
      { ...legend(p.muted), left: LEFT - 44, top: between, itemWidth: 26, itemStyle: { opacity: 0 }, data: prices.map(({ name }) => name) },
    ],
    axisPointer: { link: [{ xAxisIndex: "all" }] },
    tooltip: {
      trigger: "axis",
      renderMode: "richText",
      confine: true,
      formatter: (points: unknown) => told(drawn, points as readonly { readonly dataIndex: number }[]),
    },
    xAxis: grids.map((_, at) => ({
      ...common,
      gridIndex: at,
      ...axis(p.muted, p.line, { ...hours, show: at === grids.length - 1 }),
      splitLine: { show: false },
    })),
    yAxis: [
      { type: "value", gridIndex: 0, name: "kWh", ...axis(p.muted, p.line, { formatter: (value: number) => String(Math.abs(value)) }), nameGap: 38 },
      { type: "value", gridIndex: 1, name: `${CURRENCY}/kWh`, splitNumber: 3, ...axis(p.muted, p.line), nameGap: 38 },
    ],
    dataZoom: [{ type: "slider", xAxisIndex: grids.map((_, at) => at), bottom: 8, height: 30, ...zoomStyle(p) }],
    series: [...energies.map((energy) => bars(energy, slots, p)), ...prices.map((each) => steps(each, slots, p))],
  };
}

const zoomStyle = (p: Palette): object => ({
  left: LEFT,
  right: RIGHT,
  showDetail: false, // the choice above says it
  borderColor: p.line,
  fillerColor: "transparent",
  backgroundColor: "transparent",
  textStyle: { color: p.muted },
  handleStyle: { color: p.surface, borderColor: p.price },
  moveHandleStyle: { color: p.line },
  dataBackground: { lineStyle: { color: p.line }, areaStyle: { color: p.line } },
  selectedDataBackground: { lineStyle: { color: p.price }, areaStyle: { color: p.price } },
});

const middle = ({ starts, ends }: Slot): number => (starts + ends) / 2;

/** How wide a slot is the chart takes from the next one; one alone gets a neighbour without energy, else it is drawn beside its time. */
function besides(slots: readonly Slot[]): [at: number, energy: null][] {
  const [only] = slots;
  return only === undefined || slots.length > 1 ? [] : [[middle(only) + only.ends - only.starts, null]];
}

function bars<T extends Slot>({ name, kind, isFedIn, of }: Energy<T>, slots: readonly T[], p: Palette): object {
  const color = kind === "local" ? p.local : p.grid;
  return {
    name,
    type: "bar",
    stack: "energy",
    barCategoryGap: "12%",
    barMinWidth: 3,
    itemStyle: { color, ...(kind === "grid" ? { decal: { ...hatched(isFedIn), color: p.surface } } : isFedIn ? { decal: { ...DOTTED, color: p.surface } } : {}) },
    data: [...slots.map((slot) => [middle(slot), isFedIn ? -of(slot) : of(slot)]), ...besides(slots)],
  };
}

function steps<T extends Slot>({ name, kind, of }: Price<T>, slots: readonly T[], p: Palette): object {
  const color = kind === "local" || kind === "sold" ? p.price : p.muted;
  return {
    name,
    type: "line",
    xAxisIndex: 1,
    yAxisIndex: 1,
    step: "middle",
    symbol: kind === "local" || slots.length === 1 ? "circle" : "none", // one slot alone has no line
    symbolSize: 4,
    itemStyle: { color },
    lineStyle: { color, type: LINES[kind], width: kind === "local" ? 2.5 : 1.5 },
    data: slots.map((slot) => [middle(slot), of(slot)]),
  };
}

/** What the tooltip says of the slot under the pointer. */
function told<T extends Slot>({ slots, span, zone, energies, prices }: Slots<T>, points: readonly { readonly dataIndex: number }[]): string {
  const slot = slots[points[0]?.dataIndex ?? -1];
  if (slot === undefined) return "";
  return [
    `${hoursOf(slot, zone, isClockSet(span))}, ${slot.state}`,
    ...energies.map(({ name, of }) => `${name}: ${kwh(of(slot))}`),
    ...prices.map(({ name, of }) => `${name}: ${said(of(slot))}`),
  ].join("\n");
}
