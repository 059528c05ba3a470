/** What the page verifies by itself of a ledger: links, hashes, signatures. It trusts what the queue hands out no further. */
import { type Block, type BlockSummary, api } from "../api/market_api.js";
import { type Plain, canonical } from "../signing/canonical.js";
import { canSign, isSignedBy } from "../signing/operator.js";
import { recomputed } from "./evidence.js";

export interface Check {
  readonly holds: boolean;
  readonly says: string;
}

const NO_CRYPTOGRAPHY: Check = { holds: false, says: "not checked: the browser checks signatures only over HTTPS or on this machine" };

/** Whether each block names the hash of the one before it. */
export async function checkChain(blocks: readonly BlockSummary[]): Promise<Check> {
  const broken = blocks.find((block, place) => place > 0 && block.previousHash !== blocks[place - 1]?.hash);
  if (broken !== undefined) return { holds: false, says: `block ${broken.number} does not follow the one before it` };
  if (!canSign()) return NO_CRYPTOGRAPHY;
  for (const block of blocks) {
    const found = await recomputed(block.number);
    if (found.hash !== block.hash) return { holds: false, says: `block ${block.number} has another hash than its content` };
  }
  return { holds: true, says: `${blocks.length} blocks: hashes recomputed, each follows the one before` };
}

/** Whether a block's hash is that of its content, and who vouches for it. */
export async function checkBlock(block: Block): Promise<Check[]> {
  if (!canSign()) return [NO_CRYPTOGRAPHY];
  const found = await recomputed(block.number);
  const checks: Check[] = [
    found.hash === block.hash
      ? { holds: true, says: "hash recomputed from the content" }
      : { holds: false, says: "the content has another hash" },
  ];
  if (block.number > 0) {
    const { blocks } = await api.blocks(block.number - 1, 1);
    const follows = blocks[0]?.hash === block.previousHash;
    checks.push({ holds: follows, says: follows ? "follows the block before it" : "does not follow the block before it" });
  }
  return [...checks, ...found.vouchers];
}

interface SignedOnLedger {
  readonly id?: string;
  readonly topic?: string;
  readonly payload?: { readonly prosumer?: string };
  readonly signature?: string;
}

/** Whether a command is signed with the key that the ledger has for its signer. */
export async function checkCommand(command: { readonly [name: string]: unknown }): Promise<Check> {
  if (!canSign()) return NO_CRYPTOGRAPHY;
  const { signature, ...signed } = command;
  const signer = (command as SignedOnLedger).payload?.prosumer;
  if (signer === undefined || typeof signature !== "string") return { holds: false, says: "no signature" };
  const identity = await api.prosumer(signer);
  const unsigned = Object.fromEntries(
    Object.entries(signed).filter(([name]) => ["id", "topic", "payload"].includes(name)),
  ) as Plain;
  const holds = await isSignedBy(canonical(unsigned), signature, identity.publicKey);
  return {
    holds,
    says: holds ? `signed by ${signer}` : `not signed with the key that ${signer} has now (it may have been replaced)`,
  };
}
