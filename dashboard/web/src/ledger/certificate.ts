/** As much of X.509 as it takes to check an ECDSA P-256 signature with a certificate's key. */
import { bytesOfBase64 } from "../signing/operator.js";

type Bytes = Uint8Array<ArrayBuffer>;

interface Element {
  readonly tag: number;
  readonly content: Bytes;
  readonly whole: Bytes;
}

/** The DER elements that stand one after the other. */
function elements(bytes: Bytes): Element[] {
  const found: Element[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at] ?? 0;
    let length = bytes[at + 1] ?? 0;
    let start = at + 2;
    if (length > 127) {
      const size = length & 127;
      length = bytes.slice(start, start + size).reduce((sum, byte) => sum * 256 + byte, 0);
      start += size;
    }
    found.push({ tag, content: bytes.slice(start, start + length), whole: bytes.slice(at, start + length) });
    at = start + length;
  }
  return found;
}

function bytesOfPem(pem: string): Bytes {
  return bytesOfBase64(pem.replace(/-----(BEGIN|END) CERTIFICATE-----/g, "").replaceAll(/\s/g, ""));
}

/** The fields of a certificate's signed part, without its optional version. */
function fields(pem: string): Element[] {
  const [certificate] = elements(bytesOfPem(pem));
  const [signed] = elements(certificate?.content ?? new Uint8Array());
  return elements(signed?.content ?? new Uint8Array()).filter((each) => each.tag !== 0xa0);
}

const COMMON_NAME = "55,04,03";

/** The common name of a certificate's subject. */
export function nameOf(pem: string): string {
  const subject = fields(pem)[4]; // serial, algorithm, issuer, validity, subject, key
  for (const set of elements(subject?.content ?? new Uint8Array())) {
    const [type, value] = elements(elements(set.content)[0]?.content ?? new Uint8Array());
    const oid = [...(type?.content ?? [])].map((byte) => byte.toString(16).padStart(2, "0")).join(",");
    if (oid === COMMON_NAME && value !== undefined) return new TextDecoder().decode(value.content);
  }
  return "nobody named";
}

/** Turns a DER signature into r and s of 32 bytes each, as WebCrypto wants them. */
function plainSignature(signature: Bytes): Bytes {
  const plain = new Uint8Array(64);
  elements(elements(signature)[0]?.content ?? new Uint8Array()).forEach((each, place) => {
    const digits = each.content.slice(Math.max(0, each.content.length - 32));
    plain.set(digits, place * 32 + 32 - digits.length);
  });
  return plain;
}

/** Whether the holder of a certificate's key signed some bytes (ECDSA P-256 over SHA-256). */
export async function isCertifiedSignature(pem: string, signature: Bytes, signed: Bytes): Promise<boolean> {
  const spki = fields(pem)[5];
  if (spki === undefined) return false;
  const key = await crypto.subtle.importKey("spki", spki.whole, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]);
  return crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, plainSignature(signature), signed);
}
