/** An operator who signed in on this page: its key stays in the browser, not extractable, and is gone with the page. */
import { api, type CommandStatus, type Receipt } from "../api/market_api.js";
import { Problem } from "../api/problem.js";
import { canonical, type Plain } from "./canonical.js";

export interface SignedCommand {
  readonly id: string;
  readonly topic: string;
  readonly payload: { readonly prosumer: string; readonly ledger: string; readonly data: { readonly [name: string]: Plain }; readonly validUntil?: string };
  readonly signature: string;
}

/** How long a command may wait for the ledger, by this browser's clock; then it is refused. */
const VALID_FOR_MS = 24 * 3600 * 1000;

/** Whether the browser signs here: only on HTTPS or on this machine, and only if it knows Ed25519. */
export const canSign = (): boolean => globalThis.isSecureContext && "subtle" in globalThis.crypto;

export const bytesOfBase64 = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

export const base64 = (bytes: ArrayBuffer): string => btoa(String.fromCharCode(...new Uint8Array(bytes)));

/** Checks an Ed25519 signature over a text. */
export async function isSignedBy(text: string, signature: string, publicKey: string): Promise<boolean> {
  const key = await crypto.subtle.importKey("raw", bytesOfBase64(publicKey), { name: "Ed25519" }, false, ["verify"]);
  return crypto.subtle.verify("Ed25519", key, bytesOfBase64(signature), new TextEncoder().encode(text));
}

export class Operator {
  private constructor(
    readonly id: string,
    private readonly key: CryptoKey,
    private readonly ledger: string,
  ) {}

  /**
   * Reads a key file (PKCS8 PEM) and makes sure that it is this operator's: what it signs must verify with the key on the ledger.
   *
   * Throws a Problem that says what is wrong with file, id or role.
   */
  static async signIn(id: string, pem: string): Promise<Operator> {
    const body = /-----BEGIN PRIVATE KEY-----([\s\S]+?)-----END PRIVATE KEY-----/.exec(pem)?.[1];
    if (body === undefined) throw new Problem(0, "KEY_FILE_MALFORMED", "This file holds no private key in PKCS8 PEM.");
    let key: CryptoKey;
    try {
      key = await crypto.subtle.importKey("pkcs8", bytesOfBase64(body.replaceAll(/\s/g, "")), { name: "Ed25519" }, false, [
        "sign",
      ]);
    } catch {
      throw new Problem(0, "KEY_FILE_MALFORMED", "This file's key is no Ed25519 key that this browser can use.");
    }
    const [identity, market] = await Promise.all([api.prosumer(id), api.market()]);
    if (identity.role !== "operator") throw new Problem(0, "OPERATORS_ONLY", `${id} is no operator of this market.`);
    const operator = new Operator(id, key, market.ledger);
    const challenge = `sign in ${crypto.randomUUID()}`;
    if (!(await isSignedBy(challenge, await operator.#signature(challenge), identity.publicKey))) {
      throw new Problem(0, "BAD_SIGNATURE", `This is not the key that the ledger has for ${id}.`);
    }
    return operator;
  }

  async #signature(text: string): Promise<string> {
    return base64(await crypto.subtle.sign("Ed25519", this.key, new TextEncoder().encode(text)));
  }

  async sign(topic: string, data: { readonly [name: string]: Plain }): Promise<SignedCommand> {
    // What the clock is told says so among its data.
    const until = "validUntil" in data ? {} : { validUntil: new Date(Date.now() + VALID_FOR_MS).toISOString() };
    const unsigned = { id: crypto.randomUUID(), topic, payload: { prosumer: this.id, ledger: this.ledger, data, ...until } };
    return { ...unsigned, signature: await this.#signature(canonical(unsigned)) };
  }
}

/** Posts a signed command and follows it until the ledger has decided. */
export async function send(command: SignedCommand): Promise<CommandStatus> {
  await api.post<Receipt>("queue", "queue", command);
  for (;;) {
    const status = await api.command(command.id, command.payload.prosumer, 30);
    if (status.status === "committed" || status.status === "rejected") return status;
  }
}
