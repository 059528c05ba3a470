/** Who buys how much from whom: bid by bid in a small game, between groups of neighbours in a large one. */
import type { Bid, Game, Topology } from "../api/market_api.js";
import { type Network, groups } from "./layout.js";

export const MOST_APART = 100; // of more participants neighbours are gathered
const MOST_GROUPS = 12;

/** Rows of buyers and columns of sellers, kWh; what a row leaves of its demand the grid gives. */
export interface Matrix {
  readonly sellers: readonly string[];
  readonly buyers: readonly string[];
  readonly demands: readonly number[];
  readonly bids: readonly (readonly number[])[];
}

export const isLarge = (game: Game): boolean => game.sellers.length + game.buyers.length > MOST_APART;

/** The network with all who take part in a game; where only a table of hops is known, they have no lines. */
export function networkOf(game: Game, topology: Topology | null): Network {
  const people = [...game.sellers.map((entry) => entry.seller), ...game.buyers.map((entry) => entry.buyer)];
  const lines = (topology?.edges ?? []).map(([one = "", other = ""]) => [one, other] as const);
  return { nodes: [...new Set([...people, ...lines.flat()])].sort(), lines };
}

export function matrixOf(game: Game, bids: readonly Bid[]): Matrix {
  const sellers = game.sellers.map((entry) => entry.seller);
  const amounts = new Map(bids.map((bid) => [bid.buyer, bid.amounts ?? {}]));
  return {
    sellers,
    buyers: game.buyers.map((entry) => entry.buyer),
    demands: game.buyers.map((entry) => entry.demand),
    bids: game.buyers.map(({ buyer }) => sellers.map((seller) => amounts.get(buyer)?.[seller] ?? 0)),
  };
}

/** The same between groups of those who are near each other on the network. */
export function gathered(game: Game, bids: readonly Bid[], topology: Topology | null): Matrix {
  const group = groups(networkOf(game, topology), MOST_GROUPS);
  const of = (node: string): string => group.get(node) ?? node;
  const [sellers, buyers, demands, flows] = [new Sums(), new Sums(), new Sums(), new Sums()];
  for (const { seller } of game.sellers) sellers.add(of(seller), 1);
  for (const { buyer, demand } of game.buyers) {
    buyers.add(of(buyer), 1);
    demands.add(of(buyer), demand);
  }
  for (const { buyer, amounts } of bids) {
    for (const [seller, amount] of Object.entries(amounts ?? {})) flows.add(`${of(buyer)} ${of(seller)}`, amount);
  }
  return {
    sellers: sellers.keys().map((each) => `${sellers.of(each)} near ${each}`),
    buyers: buyers.keys().map((each) => `${buyers.of(each)} near ${each}`),
    demands: buyers.keys().map((each) => demands.of(each)),
    bids: buyers.keys().map((row) => sellers.keys().map((column) => flows.of(`${row} ${column}`))),
  };
}

/** Sums by name. */
class Sums {
  readonly #sums = new Map<string, number>();

  add(name: string, amount: number): void {
    this.#sums.set(name, this.of(name) + amount);
  }

  of(name: string): number {
    return this.#sums.get(name) ?? 0;
  }

  keys(): string[] {
    return [...this.#sums.keys()].sort();
  }
}
