// Requests of which the newest of its kind wins, and errors that say what to do.

/** What the server refused: code, message, hint. */
export class Refused extends Error {
  constructor(status, {code = "", title = "", hint = ""} = {}) {
    super(title || `the server answered ${status}`);
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

/** Requests of one page: `get(kind, ...)` gives up the one before of the same kind. */
export class Requests {
  #running = new Map();
  #view = `p${Math.random().toString(36).slice(2, 12)}`;

  constructor(api) {
    this.api = api;
  }

  /** Return the answer as a value; null where a newer request of this kind took its place. */
  async get(kind, query) {
    this.#running.get(kind)?.abort();
    const control = new AbortController();
    this.#running.set(kind, control);
    const asked = new URLSearchParams(query);
    asked.set("view", `${this.#view}-${kind}`);
    try {
      const answer = await fetch(`${this.api}/${kind}?${asked}`, {
        signal: control.signal,
        headers: {accept: "application/json"},
      });
      const body = await answer.json().catch(() => ({}));
      if (this.#running.get(kind) !== control) return null;
      if (answer.ok) return body;
      if (answer.status === 409) return null;
      throw new Refused(answer.status, body);
    } catch (error) {
      if (control.signal.aborted) return null;
      if (error instanceof Refused) throw error;
      throw new Refused(0, {title: "the server cannot be reached", hint: "is it running? try again"});
    } finally {
      if (this.#running.get(kind) === control) this.#running.delete(kind);
    }
  }

  /** Whether an answer of a kind is still to come. */
  waiting(kind) {
    return this.#running.has(kind);
  }
}
