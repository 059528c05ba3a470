/** What a service answers instead of an answer (RFC 9457), and the want of an answer. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
  ) {
    super(detail);
  }

  /** Whether the same question may be answered a little later. */
  get mayPass(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  /** Reads the problem document of a refused request. */
  static async of(response: Response): Promise<Problem> {
    try {
      const document = (await response.json()) as { code?: string; detail?: string };
      return new Problem(response.status, document.code ?? "UNKNOWN", document.detail ?? response.statusText);
    } catch {
      return new Problem(response.status, "UNKNOWN", `${response.status} ${response.statusText}`);
    }
  }

  /** Makes a problem of whatever was thrown. */
  static from(error: unknown): Problem {
    if (error instanceof Problem) return error;
    return new Problem(0, "UNREACHABLE", error instanceof Error ? error.message : String(error));
  }
}
