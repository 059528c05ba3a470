/** The market's services as the page asks them, typed by their OpenAPI documents. */
import type { components as clock } from "../openapi/clock.js";
import type { components as queue } from "../openapi/queue.js";
import { Problem } from "./problem.js";

export type Market = queue["schemas"]["MarketView"];
export type GameSummary = queue["schemas"]["GameSummary"];
export type Game = queue["schemas"]["GameView"];
export type Clearing = NonNullable<Game["clearing"]>;
export type Hops = Game["hops"];
export type Bid = queue["schemas"]["BidView"];
export type Transfer = queue["schemas"]["TransferView"];
export type Line = queue["schemas"]["SlotLine"];
export type Statement = queue["schemas"]["Statement"];
export type AccountEntry = queue["schemas"]["AccountEntry"];
export type Balance = queue["schemas"]["SlotBalance"];
export type Meter = queue["schemas"]["MeterView"];
export type Prosumer = queue["schemas"]["ProsumerView"];
export type BlockSummary = queue["schemas"]["BlockSummary"];
export type Block = queue["schemas"]["BlockView"];
export type Transaction = queue["schemas"]["TransactionView"];
export type Topology = queue["schemas"]["TopologyView"];
export type Evidence = queue["schemas"]["EmbeddedEvidence"] | queue["schemas"]["FabricEvidence"];
export type Tariffs = queue["schemas"]["TariffTableView"];
export type QueueState = queue["schemas"]["QueueState"];
export type CommandStatus = queue["schemas"]["CommandStatus"];
export type Receipt = queue["schemas"]["Receipt"];
export type Schedule = clock["schemas"]["ScheduleView"];

export type ServiceName = "queue" | "optimizer" | "clock";

const name = encodeURIComponent;
const POLLED_MS = 4000;
const PAGE = 1000; // as many as the queue hands out at once

async function answerOf<T>(response: Response): Promise<T> {
  if (!response.ok) throw await Problem.of(response);
  return (await response.json()) as T;
}

async function get<T>(service: ServiceName, path: string): Promise<T> {
  return answerOf<T>(await fetch(`/api/${service}/${path}`, { headers: { Accept: "application/json" } }));
}

/** Asks what is asked again and again: a service that hangs may not hold the few connections that a browser has. */
async function soon(service: ServiceName, path: string): Promise<Response> {
  try {
    return await fetch(`/api/${service}/${path}`, { signal: AbortSignal.timeout(POLLED_MS) });
  } catch (error) {
    const isLate = error instanceof DOMException && error.name === "TimeoutError";
    throw isLate ? new Problem(0, "UNREACHABLE", `The ${service} has not answered for ${POLLED_MS / 1000} s.`) : error;
  }
}

/** A whole list, which the queue hands out in pages: the page that is not full is the last. */
async function list<T>(path: string, field: string, from = 0, more = ""): Promise<T[]> {
  const found: T[] = [];
  for (;;) {
    const answer = await get<Record<string, T[]>>("queue", `${path}?from=${from + found.length}&limit=${PAGE}${more}`);
    const page = answer[field] ?? [];
    found.push(...page);
    if (page.length < PAGE) return found;
  }
}

/** The time of a statement, ISO 8601; null: as far as there is anything. */
export interface Period {
  readonly from: string | null;
  readonly to: string | null;
}

function statementPath(prosumer: string, { from, to }: Period, more: Record<string, string> = {}): string {
  const query = new URLSearchParams({ ...(from === null ? {} : { from }), ...(to === null ? {} : { to }), ...more });
  return `prosumers/${name(prosumer)}/statement?${query.toString()}`;
}

/** A statement, put together from its parts where one answer does not take it all. */
async function statement(prosumer: string, period: Period): Promise<Statement> {
  let whole = await get<Statement>("queue", statementPath(prosumer, period));
  while (whole.next !== null) {
    const part = await get<Statement>("queue", statementPath(prosumer, { from: whole.next, to: period.to }));
    const sums = Object.entries(part.sums).map(([field, sum]) => [field, toUnit(whole.sums[field as keyof Statement["sums"]] + sum)]);
    whole = {
      ...whole,
      lines: [...whole.lines, ...part.lines],
      entries: [...whole.entries, ...part.entries],
      sums: Object.fromEntries(sums) as Statement["sums"],
      next: part.next,
    };
  }
  return whole;
}

/** To the ledger's unit of money, which is finer than that of energy. */
const toUnit = (sum: number): number => Math.round(sum * 1e6) / 1e6;

/** The same as CSV, also of several parts one table. */
async function statementCsv(prosumer: string, period: Period): Promise<string> {
  let text = "";
  let path: string | undefined = statementPath(prosumer, period, { format: "csv" });
  while (path !== undefined) {
    const response: Response = await fetch(`/api/queue/${path}`);
    if (!response.ok) throw await Problem.of(response);
    const part = await response.text();
    text += text === "" ? part : part.slice(part.indexOf("\n") + 1);
    path = /<\/?([^>]+)>; rel="next"/.exec(response.headers.get("Link") ?? "")?.[1];
  }
  return text;
}

/** A line of the tariffs' table with its prices as the ledger writes them: a command that has it again changes no digit. */
export interface ExactTariffs {
  readonly from: string;
  readonly retail: string;
  readonly feedIn: string;
}

async function exactTariffs(): Promise<ExactTariffs[]> {
  const response = await fetch("/api/queue/tariffs", { headers: { Accept: "application/json" } });
  if (!response.ok) throw await Problem.of(response);
  const text = (await response.text()).replaceAll(/("(?:retail|feedIn)"\s*:\s*)(-?[\d.eE+-]+)/g, '$1"$2"');
  return (JSON.parse(text) as { readonly tariffs: ExactTariffs[] }).tariffs;
}

export const api = {
  market: () => get<Market>("queue", "market"),
  /** The games from a place in their list on, oldest first. */
  games: (from = 0) => list<GameSummary>("games", "games", from),
  /** A game without its hops, which are most of a large one. */
  game: (game: string) => get<Game>("queue", `games/${name(game)}?brief=true`),
  hops: async (game: string) => (await get<Game>("queue", `games/${name(game)}`)).hops,
  /** A game's bids, each with the sellers that it buys from. */
  bids: (game: string) => list<Bid>(`games/${name(game)}/bids`, "bids", 0, "&brief=true"),
  transfers: (game: string) => list<Transfer>(`games/${name(game)}/transfers`, "transfers"),
  /** What a settled slot came to for each participant; none before it is settled. */
  lines: (game: string) => list<Line>(`games/${name(game)}/lines`, "lines"),
  /** Whether the ledger still knows a game, if by its lines alone. */
  hasLines: async (game: string): Promise<boolean> => {
    const response = await fetch(`/api/queue/games/${name(game)}/lines?limit=1`);
    if (!response.ok && response.status !== 404) throw await Problem.of(response);
    return response.ok;
  },
  balance: (game: string) => get<Balance>("queue", `games/${name(game)}/balance`),
  meters: () => list<Meter>("meters", "meters"),
  prosumers: () => list<Prosumer>("prosumers", "prosumers"),
  prosumer: (prosumer: string) => get<Prosumer>("queue", `prosumers/${name(prosumer)}`),
  statement,
  statementCsv,
  blocks: (from?: number, limit = 20) =>
    get<{ height: number; blocks: BlockSummary[] }>(
      "queue",
      `blocks?limit=${limit}${from === undefined ? "" : `&from=${from}`}`,
    ),
  block: (number: number) => get<Block>("queue", `blocks/${number}`),
  evidence: (number: number) => get<Evidence>("queue", `blocks/${number}/evidence`),
  topology: () => get<Topology>("queue", "topology"),
  tariffs: () => get<Tariffs>("queue", "tariffs"),
  exactTariffs,
  queue: async () => answerOf<QueueState>(await soon("queue", "queue")),
  schedule: async () => answerOf<Schedule>(await soon("clock", "schedule")),
  ready: async (service: ServiceName) => answerOf<{ status: string }>(await soon(service, "ready")),
  metrics: async (service: ServiceName) => {
    const response = await soon(service, "metrics");
    if (!response.ok) throw await Problem.of(response);
    return response.text();
  },
  command: (id: string, prosumer: string, waitSeconds: number) =>
    get<CommandStatus>("queue", `queue/${name(id)}?prosumer=${name(prosumer)}&wait=${waitSeconds}`),
  post: async <T>(service: ServiceName, path: string, body: unknown): Promise<T> =>
    answerOf<T>(
      await fetch(`/api/${service}/${path}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      }),
    ),
};
