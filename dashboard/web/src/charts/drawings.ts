/** The page's charts: one kind for each kind of thing. Local energy is always green, the grid amber, prices blue. */
import type { Game } from "../api/market_api.js";
import { count, exactMoney, kwh } from "../market/numbers.js";
import type { Replay } from "../market/replay.js";
import type { Drawing, Figures } from "./chart.js";

/** An axis; its name stands in the middle below it, away from the labels. */
export const axis = (muted: string, line: string, label: object = {}): object => ({
  axisLine: { lineStyle: { color: line } },
  axisTick: { show: false },
  axisLabel: { color: muted, hideOverlap: true, ...label },
  splitLine: { lineStyle: { color: line } },
  nameLocation: "middle",
  nameGap: 28,
  nameTextStyle: { color: muted },
});

const ROOM = { left: 8, right: 16, top: 32, bottom: 28, containLabel: true };
export const legend = (muted: string): object => ({ top: 0, left: 0, textStyle: { color: muted }, itemWidth: 14, itemHeight: 10 });
/** Powers of ten below a thousandth, short. */
const scientific = (value: number): string => (value >= 0.001 ? String(value) : value.toExponential(0));

const LOADS = "Sold and still offered by each seller, kWh";
const MOST_BARS = 40; // of more sellers the bars stand close together, the largest offer first, without names

/** What each seller has sold of what it offers. */
export function loadsDrawing(game: Game, loads: readonly number[]): Drawing {
  const sellers = game.sellers;
  return sellers.length > MOST_BARS ? manyLoadsDrawing(game, loads) : fewLoadsDrawing(game, loads);
}

function loadsFigures(game: Game, loads: readonly number[]): Figures {
  return {
    head: ["Seller", "Sold", "Offered"],
    rows: game.sellers.map((entry, j) => [entry.seller, kwh(loads[j] ?? 0), kwh(entry.capacity)]),
  };
}

function manyLoadsDrawing(game: Game, loads: readonly number[]): Drawing {
  const order = game.sellers.map((_, j) => j).sort((one, other) => (game.sellers[other]?.capacity ?? 0) - (game.sellers[one]?.capacity ?? 0));
  const sold = order.map((j) => loads[j] ?? 0);
  const bars = { type: "bar", stack: "capacity", barCategoryGap: 0, large: true };
  return {
    title: LOADS,
    note: `${count(order.length)} sellers, the largest offer first.`,
    option: (p) => ({
      grid: ROOM,
      legend: legend(p.muted),
      xAxis: { type: "category", data: order.map((j) => game.sellers[j]?.seller ?? ""), ...axis(p.muted, p.line), axisLabel: { show: false } },
      yAxis: { type: "value", name: "kWh", ...axis(p.muted, p.line), nameGap: 40 },
      tooltip: { trigger: "axis", renderMode: "richText", confine: true, valueFormatter: (value: unknown) => kwh(Number(value)) },
      series: [
        { ...bars, name: "sold", itemStyle: { color: p.local }, data: sold },
        { ...bars, name: "still offered", itemStyle: { color: p.localSoft }, data: order.map((j, at) => Math.max(0, (game.sellers[j]?.capacity ?? 0) - (sold[at] ?? 0))) },
      ],
    }),
    figures: loadsFigures(game, loads),
  };
}

function fewLoadsDrawing(game: Game, loads: readonly number[]): Drawing {
  const sellers = game.sellers;
  return {
    title: LOADS,
    option: (p) => ({
      grid: ROOM,
      legend: legend(p.muted),
      xAxis: { type: "value", name: "kWh", ...axis(p.muted, p.line) },
      yAxis: { type: "category", inverse: true, data: sellers.map((entry) => entry.seller), ...axis(p.muted, p.line) },
      tooltip: { trigger: "axis", renderMode: "richText", confine: true, valueFormatter: (value: unknown) => kwh(Number(value)) },
      series: [
        { name: "sold", type: "bar", stack: "capacity", barMaxWidth: 22, itemStyle: { color: p.local }, data: loads },
        {
          name: "still offered",
          type: "bar",
          stack: "capacity",
          itemStyle: { color: p.localSoft, borderColor: p.local, borderWidth: 1 },
          data: sellers.map((entry, j) => Math.max(0, entry.capacity - (loads[j] ?? 0))),
        },
      ],
    }),
    figures: loadsFigures(game, loads),
  };
}

/** How potential and largest regret fell from turn to turn and round to round. */
export function convergenceDrawing(replay: Replay): Drawing {
  const rounds = replay.regretByRound;
  const lastTurnOfRound = rounds.map((_, r) => replay.turns.findLastIndex((turn) => turn.round === (replay.turns[0]?.round ?? 1) + r));
  const potential = replay.turns.map((turn) => turn.potential);
  // In the first round demands come in, so that the potential grows; from then on it falls with every turn.
  const first = rounds.length > 1 ? (lastTurnOfRound[0] ?? 0) : 0;
  return {
    title: "Convergence: the game's potential by turn, and the largest regret by round, currency",
    option: (p) => ({
      grid: { ...ROOM, right: 8 },
      legend: legend(p.muted),
      tooltip: { trigger: "axis", renderMode: "richText", confine: true, valueFormatter: (value: unknown) => exactMoney(Number(value)) },
      xAxis: { type: "value", name: "turn", minInterval: 1, min: first + 1, max: replay.turns.length, ...axis(p.muted, p.line), splitLine: { show: false } },
      yAxis: [
        { type: "value", scale: true, ...axis(p.muted, p.line) },
        { type: "log", ...axis(p.muted, p.line, { formatter: scientific }), splitLine: { show: false } },
      ],
      series: [
        {
          name: "potential (left)",
          type: "line",
          showSymbol: false,
          lineStyle: { color: p.local, width: 2 },
          itemStyle: { color: p.local },
          data: potential.map((value, at) => [at + 1, value]).slice(first),
        },
        {
          name: "largest regret (right)",
          type: "line",
          yAxisIndex: 1,
          symbolSize: 7,
          lineStyle: { color: p.price, type: "dashed" },
          itemStyle: { color: p.price },
          data: rounds.map((regret, r) => [(lastTurnOfRound[r] ?? 0) + 1, Math.max(regret, 1e-6)]),
        },
      ],
    }),
    figures: {
      head: ["Round", "Potential at its end", "Largest regret"],
      rows: rounds.map((regret, r) => [
        String((replay.turns[0]?.round ?? 1) + r),
        exactMoney(potential[lastTurnOfRound[r] ?? 0] ?? 0),
        exactMoney(regret),
      ]),
    },
  };
}

/** Who buys how much from whom, where a table would be too large. */
export function bidsDrawing(replay: Pick<Replay, "sellers" | "buyers">, bids: readonly (readonly number[])[]): Drawing {
  const cells = bids.flatMap((row, i) => row.flatMap((amount, j) => (amount > 0 ? [[j, i, amount]] : [])));
  return {
    title: "Bids: what each buyer takes from each seller, kWh",
    option: (p) => ({
      grid: { ...ROOM, top: 8, bottom: 48 },
      xAxis: { type: "category", data: replay.sellers, ...axis(p.muted, p.line) },
      yAxis: { type: "category", inverse: true, data: replay.buyers, ...axis(p.muted, p.line) },
      tooltip: { renderMode: "richText", confine: true },
      visualMap: {
        min: 0,
        max: Math.max(1, ...cells.map((cell) => cell[2] ?? 0)),
        orient: "horizontal",
        left: 0,
        bottom: 0,
        text: ["kWh", ""],
        textStyle: { color: p.muted },
        inRange: { color: [p.localSoft, p.local] },
      },
      series: [{ type: "heatmap", data: cells, progressive: 5000 }],
    }),
    figures: {
      head: ["Buyer", "Seller", "Energy"],
      rows: cells.map(([j = 0, i = 0, amount = 0]) => [replay.buyers[i] ?? "", replay.sellers[j] ?? "", kwh(amount)]),
    },
  };
}

const MOST_ARROWS = 200; // more hide each other, and take long to draw
const LABELLED = 100; // of more nodes only that under the pointer has its label

export interface Supply {
  readonly from: string;
  readonly to: string;
  readonly energy: number;
}

export interface NetworkNode {
  readonly id: string;
  readonly name: string;
  /** A shorter name, for where it stands beside others. */
  readonly label?: string;
  readonly kind: "seller" | "buyer" | "both" | "group" | "idle";
  readonly x: number;
  readonly y: number;
  readonly weight: number;
}

/** Who supplies whom, on the topology. */
export function networkDrawing(
  nodes: readonly NetworkNode[],
  lines: readonly (readonly [string, string])[],
  supplies: readonly Supply[],
): Drawing {
  const bySize = supplies.toSorted((one, other) => other.energy - one.energy);
  const drawn = bySize.slice(0, MOST_ARROWS);
  const most = Math.max(1e-9, drawn[0]?.energy ?? 0);
  const [widest, opacity] = drawn.length > LABELLED ? [1.8, 0.4] : [5, 0.75]; // many lines stay lines
  const middle = nodes.reduce((sum, node) => sum + node.x, 0) / Math.max(1, nodes.length);
  const size = nodes.length > 400 ? 5 : nodes.length > 40 ? 11 : 22;
  return {
    title: "Who supplies whom on the network",
    note: drawn.length < supplies.length ? `The ${count(drawn.length)} largest of ${count(supplies.length)} supplies are drawn.` : "",
    option: (p) => {
      const fill = { seller: p.local, buyer: p.grid, both: p.price, group: p.price, idle: p.muted };
      return {
        tooltip: { renderMode: "richText", confine: true },
        series: [
          {
            type: "graph",
            layout: "none",
            roam: true,
            emphasis: { focus: "adjacency", label: { show: true, fontWeight: "bold" } },
            label: { show: nodes.length <= LABELLED, color: p.ink, fontSize: 11 },
            labelLayout: { hideOverlap: true },
            scaleLimit: { min: 0.5, max: 40 },
            edgeSymbolSize: [0, 7],
            data: nodes.map((node) => ({
              id: node.id,
              name: node.name,
              x: node.x,
              y: node.y,
              symbolSize: size * (0.7 + 0.6 * node.weight),
              itemStyle: { color: fill[node.kind] },
              label: { position: node.x < middle ? "left" : "right", formatter: node.label ?? node.name },
            })),
            links: [
              ...lines.map(([source, target]) => ({
                source,
                target,
                lineStyle: { color: p.line, width: 1 },
                tooltip: { show: false },
              })),
              ...drawn.map((supply) => ({
                source: supply.from,
                target: supply.to,
                value: kwh(supply.energy),
                symbol: ["none", "arrow"],
                lineStyle: { color: p.local, width: 0.5 + widest * (supply.energy / most), curveness: 0.18, opacity },
              })),
            ],
          },
        ],
      };
    },
    figures: {
      head: ["From", "To", "Energy"],
      rows: bySize.map((supply) => [supply.from, supply.to, kwh(supply.energy)]),
    },
  };
}
