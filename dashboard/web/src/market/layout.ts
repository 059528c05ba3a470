/** Where nodes stand: a deterministic drawing of a network, and its gathering into groups. */
export interface Network {
  readonly nodes: readonly string[];
  readonly lines: readonly (readonly [string, string])[];
}

export interface Place {
  readonly x: number;
  readonly y: number;
}

function neighbours(network: Network): Map<string, string[]> {
  const found = new Map<string, string[]>(network.nodes.map((node) => [node, []]));
  for (const [one, other] of network.lines) {
    found.get(one)?.push(other);
    found.get(other)?.push(one);
  }
  return found;
}

/** The node with the most lines; of several the first in the alphabet. */
function middle(network: Network, lines: ReadonlyMap<string, readonly string[]>): string | undefined {
  return [...network.nodes].sort(
    (one, other) => (lines.get(other)?.length ?? 0) - (lines.get(one)?.length ?? 0) || one.localeCompare(other),
  )[0];
}

/**
 * Places nodes in rings around the best connected one, each branch in a sector as wide as it has leaves: O(n), and the
 * same for the same network.
 */
export function rings(network: Network): Map<string, Place> {
  const lines = neighbours(network);
  const places = new Map<string, Place>();
  const seen = new Set<string>();
  const centre = middle(network, lines);
  const starts = centre === undefined ? [] : [centre, ...network.nodes];
  let offset = 0;
  for (const start of starts) {
    if (seen.has(start)) continue;
    const tree = treeFrom(start, lines, seen);
    const depth = place(tree, start, places, offset);
    offset += 2 * depth + 3;
  }
  return places;
}

interface Tree {
  readonly order: readonly string[];
  readonly children: ReadonlyMap<string, readonly string[]>;
}

function treeFrom(start: string, lines: ReadonlyMap<string, readonly string[]>, seen: Set<string>): Tree {
  const order = [start];
  const children = new Map<string, string[]>();
  seen.add(start);
  for (let at = 0; at < order.length; at++) {
    const node = order[at] ?? "";
    const fresh = (lines.get(node) ?? []).filter((other) => !seen.has(other)).sort();
    fresh.forEach((other) => seen.add(other));
    children.set(node, fresh);
    order.push(...fresh);
  }
  return { order, children };
}

function place(tree: Tree, start: string, places: Map<string, Place>, offset: number): number {
  const leaves = new Map<string, number>();
  for (const node of tree.order.toReversed()) {
    const below = tree.children.get(node) ?? [];
    leaves.set(node, below.length === 0 ? 1 : below.reduce((sum, child) => sum + (leaves.get(child) ?? 1), 0));
  }
  const sectors = new Map<string, readonly [from: number, to: number, depth: number]>([[start, [0, 2 * Math.PI, 0]]]);
  let deepest = 0;
  for (const node of tree.order) {
    const [from, to, depth] = sectors.get(node) ?? [0, 0, 0];
    const angle = (from + to) / 2;
    places.set(node, { x: offset + depth * Math.cos(angle), y: depth * Math.sin(angle) });
    deepest = Math.max(deepest, depth);
    let next = from;
    for (const child of tree.children.get(node) ?? []) {
      const wide = ((to - from) * (leaves.get(child) ?? 1)) / (leaves.get(node) ?? 1);
      sectors.set(child, [next, next + wide, depth + 1]);
      next += wide;
    }
  }
  return deepest;
}

/**
 * Gathers nodes that are near each other on the network into at most so many groups: {node: the first of its group}.
 *
 * The network is walked branch by branch, and each stretch of the walk is a group.
 */
export function groups(network: Network, most: number): Map<string, string> {
  const size = Math.ceil(network.nodes.length / most);
  const found = new Map<string, string>();
  walk(network).forEach((node, at, order) => found.set(node, order[at - (at % size)] ?? node));
  return found;
}

/** All nodes, each branch before the next one. */
function walk(network: Network): string[] {
  const lines = neighbours(network);
  const [seen, order] = [new Set<string>(), [] as string[]];
  for (const start of network.nodes) {
    if (seen.has(start)) continue;
    const { children } = treeFrom(start, lines, seen);
    const waiting = [start];
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      order.push(node);
      waiting.push(...(children.get(node) ?? []).toReversed());
    }
  }
  return order;
}
