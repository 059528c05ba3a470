/** Who is signed in on this page. */
import { Operator } from "./operator.js";

class Session extends EventTarget {
  operator: Operator | null = null;

  async begin(id: string, pem: string): Promise<void> {
    this.operator = await Operator.signIn(id, pem);
    this.dispatchEvent(new Event("change"));
  }

  end(): void {
    this.operator = null;
    this.dispatchEvent(new Event("change"));
  }
}

export const session = new Session();
