/**
 * A block's hash, recomputed from what `GET /blocks/{n}/evidence` hands out, and who vouches for the block.
 *
 * Embedded ledger (ledger/embedded/chain.py): SHA-256 over length-prefixed parts. Fabric: SHA-256 over the DER of the
 * header's number, previous hash and data hash, the data hash over the envelopes; orderers sign the header.
 */
import { type Evidence, api } from "../api/market_api.js";
import { bytesOfBase64 } from "../signing/operator.js";
import { isCertifiedSignature, nameOf } from "./certificate.js";
import type { Check } from "./checks.js";

export interface Recomputed {
  readonly hash: string;
  readonly vouchers: readonly Check[];
}

type Bytes = Uint8Array<ArrayBuffer>;

const hex = (bytes: ArrayBuffer): string =>
  [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

const bytesOfHex = (text: string): Bytes => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

function joined(parts: readonly Bytes[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const sha256 = async (bytes: Bytes): Promise<ArrayBuffer> => crypto.subtle.digest("SHA-256", bytes);

/** SHA-256 over texts, each preceded by its length in UTF-8 as eight big-endian bytes. */
async function hashOfTexts(texts: readonly string[]): Promise<string> {
  const parts = texts.flatMap((text) => {
    const data = new TextEncoder().encode(text);
    const length = new Uint8Array(8);
    new DataView(length.buffer).setBigUint64(0, BigInt(data.length));
    return [length, data];
  });
  return hex(await sha256(joined(parts)));
}

/** A DER element with its tag. */
function der(tag: number, content: Bytes): Bytes {
  const { length } = content;
  const size =
    length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]; // a header is short
  return joined([Uint8Array.from([tag, ...size]), content]);
}

function derInteger(value: number): Bytes {
  const bytes = bytesOfHex(value.toString(16).padStart(value.toString(16).length % 2 === 0 ? 0 : value.toString(16).length + 1, "0"));
  return der(2, (bytes[0] ?? 0) > 127 ? joined([Uint8Array.from([0]), bytes]) : bytes);
}

/** Recomputes one block's hash and checks who vouches for it. */
export async function recomputed(number: number): Promise<Recomputed> {
  const evidence: Evidence = await api.evidence(number);
  if (evidence.kind === "embedded") {
    const digests: string[] = [];
    for (const { content, events } of evidence.transactions) digests.push(await hashOfTexts([content, ...events]));
    return { hash: await hashOfTexts([String(number), String(evidence.atMs), evidence.previousHash, ...digests]), vouchers: [] };
  }
  const dataHash = await sha256(joined(evidence.data.map(bytesOfBase64)));
  const header = der(
    0x30,
    joined([derInteger(number), der(4, bytesOfHex(evidence.previousHash)), der(4, new Uint8Array(dataHash))]),
  );
  const vouchers: Check[] = [];
  for (const { certificate, signature, signed, role, organisation } of evidence.vouchers) {
    const holds = await isCertifiedSignature(certificate, bytesOfBase64(signature), bytesOfBase64(signed));
    const who = `${role} ${nameOf(certificate)} of ${organisation}`;
    vouchers.push({ holds, says: holds ? `signed by ${who}` : `not signed by ${who}` });
  }
  return { hash: hex(await sha256(header)), vouchers };
}
